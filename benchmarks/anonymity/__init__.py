"""`python -m benchmarks.anonymity`: does `--anonymize` ever show a face, and what does it cost?"""

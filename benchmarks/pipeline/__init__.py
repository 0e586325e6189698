"""`python -m benchmarks.pipeline`: how fast is the whole runtime on this machine?"""

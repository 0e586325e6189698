"""`python -m benchmarks.shots`: are cuts found, and nothing else taken for one?"""

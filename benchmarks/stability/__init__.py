"""`python -m benchmarks.stability`: do labels hold still, and what delay does that add?"""

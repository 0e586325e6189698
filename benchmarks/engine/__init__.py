"""`python -m benchmarks.engine`: how fast is a model, and against another?"""

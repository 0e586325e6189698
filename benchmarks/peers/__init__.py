"""`python -m benchmarks.peers`: ours beside what a user would pick instead."""

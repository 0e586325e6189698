"""`python -m benchmarks.report`: the benchmarks' JSON as Markdown tables and plots."""

"""What the benchmarks share: provenance, statistics, synthetic video, results."""

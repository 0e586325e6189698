"""What the benchmarks' JSON holds: a dataclass for each report and for each kind of row."""

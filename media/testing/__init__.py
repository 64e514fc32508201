"""What tests and benchmarks share: virtual time, networks in memory, synthetic media and calls."""

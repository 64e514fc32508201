"""Measurements of Roomtone, never tests: `python -m benchmarks` lists them."""

"""Benchmarks: the product and its peer or its physical limit, as real processes, alternating in one run. `python -m tests.benchmarks --help`."""

"""Benchmarks: each claim of speed beside a rival in the same run, outputs compared first. Run by `make bench`."""

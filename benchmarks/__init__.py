"""Ratios against the bare libraries, taken in one run: ``python -m benchmarks``."""

"""Numba kernels of deduplication: each file imports numba, numpy and math alone."""

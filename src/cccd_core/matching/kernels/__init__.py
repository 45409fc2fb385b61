"""Numba kernels of matching: each file imports numba, numpy and math alone."""

"""Numba kernels of extraction: each file imports numba, numpy and math alone."""

"""Numba kernels of synthesis: each file holds all that its entry calls, as the cache sees no other file."""

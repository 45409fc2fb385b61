"""Minutiae templates and their file formats: bytes in, arrays out. Imports numpy alone."""

"""Fingerprint matching and deduplication at national scale, and the personalisation of identity chip cards."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("cccd_core")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

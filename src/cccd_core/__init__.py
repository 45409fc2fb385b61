"""Fingerprint matching and deduplication at national scale, and the personalisation of identity chip cards."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up in the installed package when it is first asked for: few commands need it."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("cccd_core")
    except PackageNotFoundError:  # run from a source tree that was never installed
        found = "0+unknown"
    globals()[name] = found
    return found

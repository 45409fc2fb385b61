"""Fixed-length codes of fingers, and the scan over them: the first stage of a search."""

from cccd_core.dedup.codes.coder import CodeColumn, FingerCoder

__all__ = ["CodeColumn", "FingerCoder"]

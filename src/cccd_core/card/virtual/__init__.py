"""The software card: an eMRTD that is personalised and read as a real one is, in memory, in a file, or behind a
reader.
"""

from cccd_core.card.virtual.card import VirtualCard

__all__ = ["VirtualCard"]

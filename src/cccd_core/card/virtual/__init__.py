"""The software card. Imports what its files import."""

from cccd_core.card.virtual.card import VirtualCard

__all__ = ["VirtualCard"]

"""The software card."""

from cccd_core.card.virtual.card import VirtualCard

__all__ = ["VirtualCard"]

"""The software card."""

"""Synthetic people and fingers. May import templates."""

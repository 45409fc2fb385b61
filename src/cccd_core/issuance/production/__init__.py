"""From a decision to a proved card."""

"""Error rates and their reports. May import matching and templates."""

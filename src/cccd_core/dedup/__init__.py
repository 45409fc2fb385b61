"""1:N and N:N search over many people. May import matching and templates."""

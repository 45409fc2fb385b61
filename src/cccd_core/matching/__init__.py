"""1:1 comparison of two fingers. May import templates and runtime."""

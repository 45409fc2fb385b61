"""Coverage-guided fuzzing of every parser: `python -m fuzz`. See docs/how-to/fuzz.md for how to add a target."""

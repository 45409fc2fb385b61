"""One file a target; each has MODULES, SEEDS and target(data). See `fuzz.registry`."""

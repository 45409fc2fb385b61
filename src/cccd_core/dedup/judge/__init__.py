"""What is made of the scores: fused evidence, thresholds, groups, decisions. Pure functions; nothing here knows how the
scores came about, and but for `fusion` nothing takes an array."""

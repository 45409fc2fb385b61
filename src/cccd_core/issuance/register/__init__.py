"""Who has what, for ever: people, numbers, cards. Knows nothing of runs."""

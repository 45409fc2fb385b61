"""Vietnam as data and rules: the personal number, the provinces, the renewal ages, the clock. Nothing of one person."""

"""How people are searched among many: the cascade, the plan of a join, its tasks, and what they found."""

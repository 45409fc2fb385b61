"""Where a search runs. ray is imported in ray.py alone."""

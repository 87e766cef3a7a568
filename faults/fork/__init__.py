"""A run flown again from the middle with something changed, and the two beside each other."""

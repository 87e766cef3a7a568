"""The seam between truth and flight software: readings one way, orders the other."""

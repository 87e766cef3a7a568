"""What surrounds it: Sun, shadow, air, magnetic field, geography."""

"""Where faults take hold of a spacecraft and let go again, seam by seam. Knows primitives, no catalogue."""

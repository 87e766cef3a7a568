"""What one process of a run does around its participant or the barrier: handshake, pacing, signals, its end."""

"""Truth: orbit, power, heat, radiation, compute, attitude and link. Knows nothing of flight software."""

"""Radio and optical links: geometry, budget, acquisition."""

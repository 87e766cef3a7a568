"""Accelerators, their clocks and heat, and the jobs that run on them."""

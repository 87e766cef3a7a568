"""Belts, solar events, dose, strikes and upsets, with the flux tables they read."""

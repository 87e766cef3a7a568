"""Telemetry as it comes in: duplicates, gaps, accounts. Keeps nothing on disk."""

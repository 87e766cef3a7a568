"""Scenario files: shipped ones, and the way from a user's text to a resolved scenario."""

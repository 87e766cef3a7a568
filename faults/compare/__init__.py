"""A model beside telemetry that somebody brings: which column is which signal, how far they are apart, and when."""

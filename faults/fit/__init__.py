"""The free figures of a design, an orbit or a clock, found from telemetry."""

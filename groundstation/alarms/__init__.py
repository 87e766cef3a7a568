"""Alarms: what telemetry, events and silence mean to whoever watches, by exception. No telecommands, no messages."""

"""Composes and flies a run: in process, or as processes with a supervisor and a display."""

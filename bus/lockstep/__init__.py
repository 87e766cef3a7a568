"""The barrier:
who takes part, whose mail comes next, when a tick is complete. Events in, instructions out; no I/O."""

"""Faults by name: the form of an entry, the entries, and their resolution into primitives."""

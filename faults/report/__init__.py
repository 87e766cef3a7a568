"""The offline page of a run. Reads a recording, never a file of a run."""

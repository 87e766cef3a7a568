"""Recordings in other people's formats. Reads a recording, writes files, nothing else."""

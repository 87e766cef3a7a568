"""The ordered record of a run as a file: its form, its writer, its reader. No decisions, no sockets."""

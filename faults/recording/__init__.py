"""What a run left behind, read back: trace and archive into one recording, and its summary. Draws nothing."""

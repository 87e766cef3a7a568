"""The contract: whatever crosses a process boundary, and the time it crosses at."""

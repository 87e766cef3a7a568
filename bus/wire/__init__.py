"""Every message, and how it becomes bytes and back. No sockets, no decisions."""

"""The ground: contacts, telecommands, archive. A function of (tick, inbox), like a spacecraft."""

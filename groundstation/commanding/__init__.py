"""Telecommands from the request to their one end, and the operators' port."""

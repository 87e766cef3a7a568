"""Reaching into a live run from outside: telecommands and injections over its ports."""

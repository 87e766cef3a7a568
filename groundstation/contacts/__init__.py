"""Stations, their antennas, and who can be seen when: from published elements, never from truth."""

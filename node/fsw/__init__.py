"""Flight software: sees readings, never truth; runs on on-board time; no sockets, no plant."""

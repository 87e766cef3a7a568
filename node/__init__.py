"""One spacecraft: flight software over emulated hardware, a function of (tick, inbox)."""

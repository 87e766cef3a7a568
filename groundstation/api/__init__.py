"""The ground over HTTP: what is known of a fleet, live and afterwards, and what operators may ask of it."""

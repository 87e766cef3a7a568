"""The ground: contacts, commanding, telemetry, archive. Knows spacecraft by messages and dictionary only."""

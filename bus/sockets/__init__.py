"""ZeroMQ and its keys: bytes in, bytes out, who may connect. Knows the wire, never the barrier."""

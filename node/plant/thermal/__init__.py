"""The network of lumps, radiators, heaters and the pumped loop."""

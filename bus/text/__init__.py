"""How people write values: places in YAML, fields, units, times, near misses. Knows no scenario and no design."""

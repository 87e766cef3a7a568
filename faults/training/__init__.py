"""After a rehearsal: what was hidden from the operator, and how long it took to be seen, answered and mended."""

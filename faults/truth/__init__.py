"""Plants that fly alone: which of their quantities can be seen, what happens to them, tick by tick."""

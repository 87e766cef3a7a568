"""What must hold: sentences, their grammar, and the verdict over a recording."""

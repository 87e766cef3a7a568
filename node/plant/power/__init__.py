"""Array, battery, limiters and the balance among them, and how cells age."""

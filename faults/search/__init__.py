"""The search for the smallest sequence that breaks an expectation: what may happen, flights, guidance, shrinking."""

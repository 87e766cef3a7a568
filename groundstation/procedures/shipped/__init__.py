"""The procedures that ship, a page each. They use the words of a procedure and nothing else of the ground."""

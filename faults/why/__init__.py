"""Why a spacecraft is where it is: the chain from a cause to its state, link by link. What is missing is said."""

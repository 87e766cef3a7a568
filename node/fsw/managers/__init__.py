"""On-board decisions in the loop:
each reads the data pool and gives orders. Rules themselves are scalar functions."""

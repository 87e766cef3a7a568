"""What a scenario is once it is resolved: plain data in SI units, and stations as people write them."""

"""What a scenario is once it is resolved: plain data in SI units. Nothing here reads text."""

"""The test bench on top of the other three: composes runs, injects faults, judges what happened."""

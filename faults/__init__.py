"""The test bench on top of the other three: scenarios, faults, runs, verdicts, reports."""

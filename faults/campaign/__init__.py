"""Many runs of one scenario with something changed in each: cases, flown, judged, summed up. It stands above runs."""

"""Where the spacecraft is: propagation and drag, and their setting-up."""

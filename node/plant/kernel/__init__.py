"""What kernels are made of: compilation, declared fields, capacity, draws, angles. No physics."""

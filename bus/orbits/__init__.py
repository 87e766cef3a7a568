"""Element sets and families of orbits as numbers. No propagation: that is the plant's and the ground's."""

"""Tools for whoever brings a device: measuring its line beforehand, and keeping what crossed it to rehearse with."""

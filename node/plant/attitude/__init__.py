"""Where it points: rigid body, wheels, control of the plant's own actuators."""

"""The inside of the simulator."""

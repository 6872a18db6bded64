"""The inside of the simulated identity providers."""

"""How the vendor is simulated."""

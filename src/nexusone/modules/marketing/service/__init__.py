"""Use cases of marketing."""

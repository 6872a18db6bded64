"""Use cases of audience."""

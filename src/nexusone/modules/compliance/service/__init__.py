"""Use cases of compliance."""

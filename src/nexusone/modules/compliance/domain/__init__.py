"""Rules of compliance."""

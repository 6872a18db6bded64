"""Compliance: what is kept of who did what, and for how long."""

"""Runware: pictures."""

"""Replicate: image models behind one prediction API."""

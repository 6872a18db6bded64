"""Talking portraits by D-ID."""

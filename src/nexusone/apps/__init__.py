"""Composition roots: what runs in this process."""

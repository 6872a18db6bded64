"""The history of billing's schema."""

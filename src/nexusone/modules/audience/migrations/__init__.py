"""The history of audience's schema."""

"""The history of marketing's schema."""

"""REST doors of marketing."""

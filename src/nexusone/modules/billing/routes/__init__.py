"""REST doors of billing."""

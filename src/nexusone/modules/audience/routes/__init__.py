"""REST doors of audience."""

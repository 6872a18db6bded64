"""REST doors of identity."""

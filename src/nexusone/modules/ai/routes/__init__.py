"""REST doors of ai."""

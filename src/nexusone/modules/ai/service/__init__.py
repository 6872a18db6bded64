"""Use cases of ai."""

"""Every SQL statement of ai."""

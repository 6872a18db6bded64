"""Every SQL statement of audience."""

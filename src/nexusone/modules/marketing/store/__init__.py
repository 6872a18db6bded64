"""Every SQL statement of marketing."""

"""The history of ai's schema."""

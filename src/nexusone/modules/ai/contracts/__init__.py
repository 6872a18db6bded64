"""The words of ai."""

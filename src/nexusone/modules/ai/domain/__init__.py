"""Rules of ai, as pure code."""

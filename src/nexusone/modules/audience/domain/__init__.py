"""Rules of audience, as pure code."""

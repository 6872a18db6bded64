"""Rules of billing, as pure code."""

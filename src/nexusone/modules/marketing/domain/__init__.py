"""Rules of marketing, as pure code."""

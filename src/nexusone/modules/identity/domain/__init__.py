"""Rules of identity, as pure code."""

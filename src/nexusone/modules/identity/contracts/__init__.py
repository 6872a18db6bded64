"""The words of identity."""

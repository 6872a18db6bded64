"""One vendor, one folder; discovered, never listed."""

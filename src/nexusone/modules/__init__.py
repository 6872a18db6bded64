"""The business, one package a module; their order is in the import contracts."""

"""What billing announces, one file a subject."""

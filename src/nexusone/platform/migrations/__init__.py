"""The history of the machinery's own schema."""

"""NexusOne: the backend of an AI marketing platform."""

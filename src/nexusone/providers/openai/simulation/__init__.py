"""What the simulator is made of: reading requests, writing marketing copy, shaping it, speaking the wire, failing on demand."""

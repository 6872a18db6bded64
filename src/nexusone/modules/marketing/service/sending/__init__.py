"""The sending engine: snapshot, hand-over, accounting. Every recipient ends in exactly one state."""

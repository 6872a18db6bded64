"""The template language that customers write: Liquid in a sandbox, bounded in work, memory and output."""

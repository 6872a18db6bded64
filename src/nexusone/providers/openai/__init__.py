"""OpenAI, and whatever speaks its wire: text."""

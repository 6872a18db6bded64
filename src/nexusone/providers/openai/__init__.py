"""OpenAI, and whatever speaks its wire: text, pictures, judgements, vectors."""

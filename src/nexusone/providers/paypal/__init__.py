"""PayPal: payments by approval on its page and by saved agreement."""

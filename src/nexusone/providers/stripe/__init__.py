"""Stripe: payments by hosted checkout and saved methods."""

"""Any SMTP server: e-mail."""

"""A mail server to try things on: takes mail over SMTP, keeps it in an inbox, shows it over HTTP, fails on request."""

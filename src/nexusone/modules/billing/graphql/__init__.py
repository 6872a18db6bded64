"""GraphQL door of billing."""

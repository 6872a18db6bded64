"""GraphQL door of ai."""

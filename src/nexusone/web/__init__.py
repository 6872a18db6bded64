"""The kit for doors: routes, GraphQL, problem details, limits, idempotency."""

"""Fuzzing of the whole OpenAPI document by schemathesis, as two companies that must not see each other; `python -m fuzz`."""

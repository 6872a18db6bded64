"""Where a refusal of schema-valid data is right: rules that no JSON Schema can state, each by its code and with the reason."""

BEYOND_SCHEMA: dict[str, str] = {
    "cursor_invalid": "a cursor is signed, and only one that was given out is valid",
    "in_the_past": "what lies in the future depends on the clock",
    "idempotency.key_reused": "whether a key was used before depends on earlier requests",
}

"""Where a refusal of schema-valid data is right: rules that no JSON Schema can state, each by its code and with the reason.

A code may be narrowed by the pointer of the field (`unknown at /timezone`) or by words of the detail (`request.invalid: NUL`).
"""

CONTACT = "the rules of contacts are the same for a row of a file, and are answered with codes of their own"
PASSWORD = "what a good password is depends on settings, names and lists"  # noqa: S105 - a reason
WIRE = "bodies of another wire are the vendor's to describe; here only what they may cost is read"
CLAUSE = "what a clause may compare depends on the attribute that stands beside it"

BEYOND_SCHEMA: dict[str, str] = {
    "cursor_invalid": "a cursor is signed, and only one that was given out is valid",
    "in_the_past": "what lies in the future depends on the clock",
    "idempotency.key_reused": "whether a key was used before depends on earlier requests",
    "unknown at /timezone": "the names of time zones are a list that changes without us",
    "unknown at /permissions": "the permissions of a deployment come from its modules",
    "graphql.invalid": "a query is text in another language, with a schema of its own",
    "request.invalid: NUL": "variables of a query and a schema for an answer are JSON of any form, and texts in it hold no NUL",
    "request.invalid: If-Match takes one ETag": "one phase of schemathesis writes headers of letters and digits alone",
    "request.precondition_failed": "which version is the present one depends on earlier requests",
    "ai.model_unknown": "the models there are come from the providers that are connected",
    "foreign_address": "whether an address is one of the product's depends on the deployment",
    "mapping_invalid": "the mapping is JSON in a form field, about columns of the file",
    "not_a_network": "that no bits stand beyond the prefix of a network is arithmetic",
    "identity.sso_issuer_unusable": "whether an issuer can be used is asked of the issuer",
    "different at /name": "the name must be that of the workspace as it is",
    "differs at /external_id": "two parts of the request must say the same",
    "one_of": "which of two fields that may both be null is given",
    "marketing.template_faulty": "a template is text in languages of its own, Liquid and MJML",
    "marketing.sender_invalid": "what an address or a header line of a mail may be is said by the grammar of mail",
    "ai.document_empty": "whether a document has words is known once its markup is read",
    "ai.prompt_faulty": "a prompt template is Liquid, a language of its own, over the variables that stand beside it",
    "ai.pipeline_faulty": "a pipeline is steps that refer to one another in Liquid, a language of its own",
    "ai.pipeline_inputs_invalid": "which inputs a run takes is said by its pipeline",
    "ai.pipeline_step_unknown": "which steps there are is said by the run's pipeline",
    "ai.prompt_not_renderable": "which values a prompt template takes is said by the template",
    "ai.asset_refused": "what a file is, and whether it can be shown or heard, is told by its bytes",
    "ai.rendition_impossible": "what can be made of an asset depends on what it is",
    "ai.output_schema_invalid": "a schema for an answer is a schema itself",
    "model_not_found": "the models there are come from the providers that are connected",
    "idempotency_key_reused": "whether a key was used before depends on earlier requests",
    **dict.fromkeys(("missing_required_parameter", "unsupported_parameter", "invalid_type", "integer_above_max_value"), WIRE),
    **dict.fromkeys(("too_short", "too_simple", "too_obvious", "too_common", "breached"), PASSWORD),
    **dict.fromkeys(("scalar", "not_ordered", "never_boolean", "not_a_time", "not_text", "too_deep", "too_large"), CLAUSE),
    **dict.fromkeys(("identifier_missing", "email_invalid", "country_unknown", "locale_invalid", "timezone_unknown"), CONTACT),
    **dict.fromkeys(("phone_invalid", "phone_needs_country", "too_long", "not_printable", "name_invalid", "value_invalid"), CONTACT),
}

"""What ai refuses."""

from nexusone.kernel.errors import NotFound, Unavailable, Unprocessable


class NoTextModel(Unavailable):
    """No vendor that writes text is connected."""

    code = "ai.no_text_model"


class ModelUnknown(Unprocessable):
    """The catalog has no such model, or no price for it."""

    code = "ai.model_unknown"


class OutputSchemaInvalid(Unprocessable):
    """The output schema is no JSON Schema, or goes beyond what is supported."""

    code = "ai.output_schema_invalid"


class GenerationNotFound(NotFound):
    """There is no such generation in this workspace."""

    code = "ai.generation_not_found"

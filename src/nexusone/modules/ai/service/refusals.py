"""What ai refuses about generations."""

from nexusone.kernel.errors import Conflict, NotFound, Unauthenticated, Unavailable, Unprocessable


class NoTextModel(Unavailable):
    """No vendor that makes things of this kind is connected."""

    code = "ai.no_text_model"


class ModelUnknown(Unprocessable):
    """The catalog has no such model, or no price for it."""

    code = "ai.model_unknown"


class ModelNotFound(NotFound):
    """No model of that name is offered."""

    code = "ai.model_not_found"


class OverBudget(Unprocessable):
    """The most that it can cost is more than the budget it was given."""

    code = "ai.over_budget"


class ModelCannot(Unprocessable):
    """The model does not do what is asked of it; errors say what."""

    code = "ai.model_cannot"


class OutputSchemaInvalid(Unprocessable):
    """The output schema is no JSON Schema, or goes beyond what is supported."""

    code = "ai.output_schema_invalid"


class GenerationNotFound(NotFound):
    """There is no such generation in this workspace."""

    code = "ai.generation_not_found"


class NotCancelable(Conflict):
    """It has ended, or it is a text that is being written."""

    code = "ai.not_cancelable"


class WebhookNotVerified(Unauthenticated):
    """The vendor signs what it sends, and this is not its signature."""

    code = "ai.webhook_not_verified"


class NotRetryable(Conflict):
    """Only what failed or was canceled is asked for again."""

    code = "ai.not_retryable"


class StreamsTextOnly(Unprocessable):
    """Only a text can be read while it is made."""

    code = "ai.streams_text_only"

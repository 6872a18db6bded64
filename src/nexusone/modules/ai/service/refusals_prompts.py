"""What ai refuses about prompt templates."""

from nexusone.kernel.errors import NotFound, Unprocessable


class PromptNotFound(NotFound):
    """There is no such prompt template in this workspace, or no such version of it."""

    code = "ai.prompt_not_found"


class PromptFaulty(Unprocessable):
    """The template cannot be used; `errors` say what is wrong where."""

    code = "ai.prompt_faulty"


class PromptNotRenderable(Unprocessable):
    """The template cannot be rendered with these values; `errors` say which."""

    code = "ai.prompt_not_renderable"

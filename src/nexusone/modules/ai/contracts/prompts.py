"""The words of prompt templates: texts by language with holes in them, and what may be put into the holes."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints

from nexusone.kernel.contract import NOT_BLANK, Contract, Id, Instant, Key, Name, NeverNull, Shown, Text, printable
from nexusone.modules.ai.contracts.generations import LanguageTag


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("a text has more than white space")
    return value


PromptSource = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(printable), AfterValidator(_not_blank), Shown(NOT_BLANK)
]
VariableKind = Literal["text", "integer", "number", "boolean", "date", "list"]


class PromptVariable(Contract):
    """What a hole takes: a text, a whole number, a number, true or false, an ISO date, or a list of texts.

    One that is not required and has no `default` is empty in the text. `length_max` bounds a text, or each text of a list.
    """

    kind: VariableKind = "text"
    is_required: bool = True
    default: JsonValue = None
    length_max: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    description: Annotated[Text, StringConstraints(max_length=500)] = ""


Texts = Annotated[dict[LanguageTag, PromptSource], Field(min_length=1, max_length=50)]
Variables = Annotated[dict[Key, PromptVariable], Field(max_length=50)]


class NewPrompt(Contract):
    """A template: one Liquid text a language, all over the same variables."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Launch e-mail",
                    "default_locale": "en",
                    "variables": {"product": {"kind": "text"}, "benefits": {"kind": "list", "is_required": False}},
                    "texts": {"en": "Announce {{ product }}.{% for benefit in benefits %} It is {{ benefit }}.{% endfor %}"},
                }
            ]
        }
    )

    name: Name
    default_locale: LanguageTag
    variables: Variables = Field(default_factory=dict)
    texts: Texts


class PromptChange(Contract):
    """The fields to change. A text or variable set to null is removed; a given one replaces the present one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"texts": {"de": "Kündige {{ product }} an."}}]})

    name: Annotated[Name | None, NeverNull()] = None
    default_locale: Annotated[LanguageTag | None, NeverNull()] = None
    variables: Annotated[dict[Key, PromptVariable | None] | None, Field(max_length=100), NeverNull()] = None
    texts: Annotated[dict[LanguageTag, PromptSource | None] | None, Field(max_length=100), NeverNull()] = None


class PromptSummary(Contract):
    """A template without its texts."""

    id: Id
    name: str
    default_locale: str
    locales: list[str]
    version: int
    created_at: Instant
    updated_at: Instant


class Prompt(Contract):
    """A template; every change makes a new `version`."""

    id: Id
    name: str
    default_locale: str
    variables: dict[str, PromptVariable]
    texts: dict[str, str]
    version: int
    created_at: Instant
    updated_at: Instant


class PromptVersion(Contract):
    """A template as it was in one version; versions are written once."""

    version: int
    name: str
    default_locale: str
    variables: dict[str, PromptVariable]
    texts: dict[str, str]
    created_at: Instant
    created_by: str


class PromptRendering(Contract):
    """What to put into the holes, in which language, and of which version; by default of the present one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"locale": "de-AT", "values": {"product": "the solar lamp"}}]})

    locale: LanguageTag | None = None
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    values: Annotated[dict[Key, JsonValue], Field(max_length=50, default_factory=dict)]


class RenderedPrompt(Contract):
    """The text; `locale` is the one that the fallback chain chose."""

    text: str
    locale: str
    version: int

"""A segment's definition from a sentence, to be shown and confirmed."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, JsonValue, StringConstraints

from nexusone.kernel.contract import Text
from nexusone.modules.ai.domain.tasks.task import ContentTask, Output, Schema, optional, shape, some, text

AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
BUILT_IN = ("email", "phone", "first_name", "last_name", "locale", "timezone", "country", "external_id", "created_at", "updated_at")
TEXT_MAX = 200

_VALUES: tuple[Schema, ...] = (text(TEXT_MAX), {"type": "number"})


class SegmentFromSentence(ContentTask):
    """Who is meant, in a sentence; `attributes` are those that the workspace keeps of its contacts besides the built-in ones."""

    name: ClassVar = "segment_from_sentence"
    title: ClassVar = "Segment from a sentence"
    summary: ClassVar = "The definition of a segment to look at and confirm; nothing is saved."
    example: ClassVar[Schema] = {"sentence": "Customers in Austria on the pro plan.", "attributes": ["plan"]}
    defines_segment: ClassVar = True
    unspoken: ClassVar = frozenset({"definition"})

    sentence: Annotated[Text, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)]
    attributes: Annotated[tuple[AttributeName, ...], Field(max_length=100)] = ()

    def rules(self, locale: str) -> str:
        return (
            "Turn the sentence of the material into the definition of a segment of contacts. A clause compares one "
            "attribute: the built-in ones "
            f"are {', '.join(BUILT_IN)}; further ones are those that the material lists, written as attributes.<name>. "
            f"country is an ISO 3166 "
            "code of two capitals, locale a language tag, times are RFC 3339 with an offset. `all` and `any` hold "
            "clauses, `not` turns one round. "
            "Name the segment, explain the definition in a sentence, and say in `unclear` what the sentence leaves open, or null."
        )

    def output_schema(self, locale: str) -> Schema:
        return shape(name=text(100), explanation=text(600), unclear=optional(text(600)), definition=_definition())

    def faults(self, output: Output, *, locale: str) -> Iterator[str]:
        known = {*BUILT_IN, *(f"attributes.{name}" for name in self.attributes), *self.attributes}
        for attribute in sorted(set(_attributes(output["definition"])) - known):
            yield f"{attribute} is no attribute of the contacts"


def _definition() -> Schema:
    # Two levels: deeper definitions are made by people, in the editor.
    inner: Schema = {"anyOf": [*_leaves()]}
    clause: Schema = {"anyOf": [*_leaves(), shape(any=some(inner, 1, 10)), shape(**{"not": inner})]}
    return {"anyOf": [shape(all=some(clause, 1, 20)), shape(any=some(clause, 1, 20))]}


def _leaves() -> list[Schema]:
    return [
        _compared(("eq", "ne", "lt", "lte", "gt", "gte", "contains", "starts_with"), {"anyOf": [*_VALUES, {"type": "boolean"}]}),
        _compared(("in",), some({"anyOf": [*_VALUES]}, 1, 50)),
        _compared(("exists",), {"type": "boolean"}),
    ]


def _compared(ops: tuple[str, ...], value: Schema) -> Schema:
    return shape(attribute=text(80), op={"type": "string", "enum": [*ops]}, value=value)


def _attributes(node: JsonValue) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _attributes(item)
    elif isinstance(node, dict):
        if isinstance(found := node.get("attribute"), str):
            yield found
        for name in ("all", "any", "not"):
            yield from _attributes(node.get(name))

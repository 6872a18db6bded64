"""The base of every contract: frozen, strict, nothing unknown; and the scalar types they are made of."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, Strict, StringConstraints
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What a text must not hold, in the words of JSON Schema (whose texts have no lone surrogates): the inside of a class of a pattern.
CONTROLS = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u202a-\u202e\u2066-\u2069"
BLANKS = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
PRINTABLE = f"^[^{CONTROLS}]*$"
NOT_BLANK = f"^[^{CONTROLS}]*[^{CONTROLS}{BLANKS}][^{CONTROLS}]*$"
RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z")


class Contract(BaseModel):
    """Frozen data with no behaviour; unknown fields and coerced types are refused."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


C = TypeVar("C", bound=Contract)


def trusted(kind: type[C], values: dict[str, object]) -> C:
    """A contract from values that were validated before they were stored; every field must be there, and none is checked."""
    made = kind.__new__(kind)
    put = object.__setattr__
    put(made, "__dict__", values)
    put(made, "__pydantic_fields_set__", set(values))
    put(made, "__pydantic_extra__", None)
    put(made, "__pydantic_private__", None)
    return made


def printable(value: str) -> str:
    """The text in Unicode NFC; raises ValueError for control characters and those that turn the direction."""
    if UNPRINTABLE.search(value):
        raise ValueError("control and direction-changing characters are not allowed")
    return unicodedata.normalize("NFC", value)


def _id_text(value: object) -> object:
    if isinstance(value, str | UUID):
        return value
    raise ValueError("an id is a UUID in text form")


def _instant_text(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and RFC3339.match(value)):
        return value
    raise ValueError("a time is RFC 3339 with an offset, like 2026-01-31T09:30:00Z")


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs an offset")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time lies between the years 1 and 9999, in UTC too") from error


Id = Annotated[UUID, Strict(False), BeforeValidator(_id_text)]
"""A UUID, in text form on the wire."""

Instant = Annotated[
    datetime,
    Strict(False),
    BeforeValidator(_instant_text),
    AfterValidator(_to_utc),
]
"""An RFC 3339 instant, UTC."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Tells the schema's readers what a validator asks for, unless the type has a narrower pattern."""

    pattern: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(schema)
        made.setdefault("pattern", self.pattern)
        return made


@dataclass(frozen=True, slots=True)
class NeverNull:
    """Tells the schema's readers that a field may be left out, but not be null: `Annotated[Name | None, NeverNull()] = None`."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        made = handler(schema)
        (choice,) = (choice for choice in made.pop("anyOf") if choice != {"type": "null"})
        return {**choice, **made}


Text = Annotated[str, AfterValidator(printable), Shown(PRINTABLE)]
"""Text without control characters, in Unicode NFC."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(printable), Shown(NOT_BLANK)]
"""A human name of a thing: 1 to 200 characters."""

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A lower-case identifier chosen by a person, such as an attribute's name."""

Limit = Annotated[int, Field(ge=1, le=100)]
"""A page size."""

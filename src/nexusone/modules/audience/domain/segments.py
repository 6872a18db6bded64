"""What a segment asks of a contact: a typed tree of `all`, `any`, `not` and comparisons of one attribute each.

What a comparison means is written down once, in `segment_match`; the compiler in `store/segment_relation` says the
same in SQL. Another kind of clause is another class in `Node`, another arm there and another arm here.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from nexusone.kernel.contract import PRINTABLE, Contract, Instant, Shown, Text
from nexusone.modules.audience.domain.contact import INTEGER_MAX, TEXT_FIELDS

DEPTH_MAX = 8
LEAVES_MAX = 100
IN_VALUES_MAX = 1000
VALUE_LENGTH_MAX = 500
CUSTOM_PREFIX: Final = "attributes."
INSTANT_FIELDS: Final = ("created_at", "updated_at")
BUILT_IN_FIELDS: Final = (*TEXT_FIELDS, *INSTANT_FIELDS)

Ordering = Literal["lt", "lte", "gt", "gte"]
ScalarValue = str | int | float | bool

_INSTANT: Final[TypeAdapter[Instant]] = TypeAdapter(Instant)
_TEXT: Final[TypeAdapter[str]] = TypeAdapter(Text)


def _scalar(value: object) -> object:
    if isinstance(value, str):
        if len(value) > VALUE_LENGTH_MAX:
            raise PydanticCustomError("too_long", "text has at most {max} characters", {"max": VALUE_LENGTH_MAX})
        return _TEXT.validate_python(value)
    if isinstance(value, bool) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, int) and abs(value) <= INTEGER_MAX:
        return value
    raise PydanticCustomError("scalar", "a value is text, a finite number within 64 bits, true or false")


def _ordered(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("not_ordered", "true and false have no order; use eq")
    return value


def _fitting(value: ScalarValue, info: ValidationInfo) -> ScalarValue:
    attribute = info.data.get("attribute")
    if attribute in BUILT_IN_FIELDS and isinstance(value, bool):
        raise PydanticCustomError("never_boolean", "{attribute} is never true or false", {"attribute": attribute})
    if attribute in INSTANT_FIELDS:
        instant_of(value)
    return value


def _textual(attribute: str, info: ValidationInfo) -> str:
    if attribute in INSTANT_FIELDS:
        raise PydanticCustomError("not_text", "{attribute} is a time; compare it with eq, lt, lte, gt or gte", {"attribute": attribute})
    return attribute


def instant_of(value: ScalarValue) -> Instant:
    """The instant that a value of created_at or updated_at names. Raises a validation fault if it names none."""
    try:
        return _INSTANT.validate_python(value)
    except (ValidationError, OverflowError):
        raise PydanticCustomError("not_a_time", "a time is RFC 3339 with an offset, like 2026-01-31T09:30:00Z") from None


_SCALAR_SCHEMA = WithJsonSchema({"type": ["string", "number", "boolean"], "maxLength": VALUE_LENGTH_MAX, "pattern": PRINTABLE})
_ORDERED_SCHEMA = WithJsonSchema({"type": ["string", "number"], "maxLength": VALUE_LENGTH_MAX, "pattern": PRINTABLE})

AttributeName = Annotated[str, StringConstraints(pattern=r"^(attributes\.)?[a-z][a-z0-9_]{0,62}$")]
"""A built-in field, or an attribute of the workspace; `attributes.email` is the attribute even where a field has the name."""

Scalar = Annotated[ScalarValue, BeforeValidator(_scalar), AfterValidator(_fitting), _SCALAR_SCHEMA]
Ordered = Annotated[str | int | float, BeforeValidator(_ordered), BeforeValidator(_scalar), AfterValidator(_fitting), _ORDERED_SCHEMA]


class Equality(Contract):
    """The attribute is (`ne`: is not) the value."""

    attribute: AttributeName
    op: Literal["eq", "ne"]
    value: Scalar


class Comparison(Contract):
    """The attribute is below or above the value."""

    attribute: AttributeName
    op: Ordering
    value: Ordered


class Membership(Contract):
    """The attribute is one of the values."""

    attribute: AttributeName
    op: Literal["in"]
    value: Annotated[list[Scalar], Field(min_length=1, max_length=IN_VALUES_MAX)]


class TextSearch(Contract):
    """The attribute is text with the value in it, or at its start."""

    attribute: Annotated[AttributeName, AfterValidator(_textual)]
    op: Literal["contains", "starts_with"]
    value: Annotated[
        str, StringConstraints(min_length=1, max_length=VALUE_LENGTH_MAX), AfterValidator(_TEXT.validate_python), Shown(PRINTABLE)
    ]


class Existence(Contract):
    """The attribute is there (`value: false`: is not there)."""

    attribute: AttributeName
    op: Literal["exists"]
    value: bool = True


class AllOf(Contract):
    """Every clause holds."""

    all: Annotated[list["Node"], Field(min_length=1)]


class AnyOf(Contract):
    """At least one clause holds."""

    any: Annotated[list["Node"], Field(min_length=1)]


class Negation(Contract):
    """The clause does not hold."""

    model_config = ConfigDict(serialize_by_alias=True)

    clause: "Node" = Field(alias="not")


Leaf = Equality | Comparison | Membership | TextSearch | Existence

_TAG: Final = "node:"
_OPS: Final[Mapping[str, str]] = {
    op: f"{_TAG}{kind.__name__}"
    for kind in (Equality, Comparison, Membership, TextSearch, Existence)
    for op in get_args(kind.model_fields["op"].annotation)
}
_GROUPS: Final[Mapping[str, str]] = {"all": f"{_TAG}AllOf", "any": f"{_TAG}AnyOf", "not": f"{_TAG}Negation"}


def _kind(raw: object) -> str | None:
    if isinstance(raw, Contract):
        return f"{_TAG}{type(raw).__name__}"
    if not isinstance(raw, Mapping):
        return None
    for key, tag in _GROUPS.items():
        if key in raw:
            return tag
    op = raw.get("op")
    return _OPS.get(op) if isinstance(op, str) else None


Node = Annotated[
    Annotated[AllOf, Tag("node:AllOf")]
    | Annotated[AnyOf, Tag("node:AnyOf")]
    | Annotated[Negation, Tag("node:Negation")]
    | Annotated[Equality, Tag("node:Equality")]
    | Annotated[Comparison, Tag("node:Comparison")]
    | Annotated[Membership, Tag("node:Membership")]
    | Annotated[TextSearch, Tag("node:TextSearch")]
    | Annotated[Existence, Tag("node:Existence")],
    Discriminator(
        _kind,
        custom_error_type="segment_clause",
        custom_error_message=f"a clause is all, any, not, or an attribute with an op out of {', '.join(_OPS)}",
    ),
]


def _within_limits(raw: object, handler: ValidatorFunctionWrapHandler) -> object:
    _refuse_oversize(raw)
    try:
        return handler(raw)
    except ValidationError as invalid:
        # The names of the classes are no part of the address of a node.
        faults = [
            _fault(error["type"], error["msg"], loc=tuple(step for step in error["loc"] if not str(step).startswith(_TAG)))
            for error in invalid.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise ValidationError.from_exception_data("definition", faults, hide_input=True) from None


Definition = Annotated[Node, WrapValidator(_within_limits)]
"""A whole definition: at most DEPTH_MAX nodes deep, with at most LEAVES_MAX comparisons. A fault's `loc` is the path to its node."""

for _group in (AllOf, AnyOf, Negation):
    _group.model_rebuild()

_DEFINITION: Final[TypeAdapter[Node]] = TypeAdapter(Definition)


def parse_definition(raw: object) -> Node:
    """The tree that JSON describes. Raises pydantic's ValidationError; `loc` of its errors is the path to the node."""
    return _DEFINITION.validate_python(raw)


def stored_definition(raw: object) -> Node:
    """The tree of a definition that was dumped and stored. The store writes large numbers with all their digits, as if they were whole."""
    return parse_definition(_with_floats(raw))


def _with_floats(raw: object) -> object:
    if isinstance(raw, Mapping):
        return {key: _with_floats(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_with_floats(value) for value in raw]
    return float(raw) if isinstance(raw, int) and abs(raw) > INTEGER_MAX else raw


def dump_definition(definition: Node) -> dict[str, object]:
    """The JSON form, as it is stored and answered."""
    dumped: dict[str, object] = definition.model_dump(mode="json")
    return dumped


def leaves(definition: Node) -> Iterator[Leaf]:
    """The comparisons, from left to right."""
    match definition:
        case AllOf(all=clauses) | AnyOf(any=clauses):
            for clause in clauses:
                yield from leaves(clause)
        case Negation(clause=clause):
            yield from leaves(clause)
        case _:
            yield definition


def attributes_read(definition: Node) -> frozenset[str]:
    """What the answer depends on: built-in fields by name, attributes as `attributes.<key>`."""
    return frozenset(
        leaf.attribute if is_built_in(leaf.attribute) else CUSTOM_PREFIX + custom_key(leaf.attribute) for leaf in leaves(definition)
    )


def is_built_in(attribute: str) -> bool:
    """Whether the name is a field of every contact, rather than an attribute of the workspace."""
    return attribute in BUILT_IN_FIELDS


def custom_key(attribute: str) -> str:
    """The key under which the attribute is kept."""
    return attribute.removeprefix(CUSTOM_PREFIX)


def _refuse_oversize(raw: object) -> None:
    # Walked without recursion, and before anything else: a tree of any depth may arrive.
    open_nodes: list[tuple[object, tuple[str | int, ...], int]] = [(raw, (), 1)]
    leaf_count = 0
    while open_nodes:
        node, loc, depth = open_nodes.pop()
        if depth > DEPTH_MAX:
            _refuse("too_deep", f"a definition is at most {DEPTH_MAX} clauses deep", loc)
        below = _clauses(node)
        leaf_count += not below
        if leaf_count > LEAVES_MAX or len(below) > LEAVES_MAX:
            _refuse("too_many_clauses", f"a definition has at most {LEAVES_MAX} comparisons", ())
        open_nodes.extend((child, (*loc, *step), depth + 1) for step, child in reversed(below))


def _clauses(node: object) -> list[tuple[tuple[str | int, ...], object]]:
    if isinstance(node, Contract):
        node = {field.alias or name: getattr(node, name) for name, field in type(node).model_fields.items()}
    if not isinstance(node, Mapping):
        return []
    below: list[tuple[tuple[str | int, ...], object]] = [(("not",), node["not"])] if "not" in node else []
    for key in ("all", "any"):
        children = node.get(key)
        if isinstance(children, list):
            below.extend(((key, at), child) for at, child in enumerate(children))
    return below


def _refuse(code: str, sentence: str, loc: tuple[str | int, ...]) -> None:
    raise ValidationError.from_exception_data("definition", [_fault(code, sentence, loc=loc)], hide_input=True)


def _fault(code: str, sentence: str, *, loc: tuple[str | int, ...]) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(code, "{sentence}", {"sentence": sentence}), loc=loc, input=None)

"""What a segment's clauses mean, said in Python; the SQL compiler is held to it."""

# - Every clause is true or false of every contact. An attribute that is absent, or null, is matched by `exists: false`
#   and by negations only: `ne` is exactly "not eq", and `not` exactly "not".
# - Text equals, contains, starts with and compares by its characters, case included, in the order of code points. Only
#   `email` is brought to its stored spelling first.
# - A number compares by value, exactly, with numbers and with text that is a plain decimal number, such as "42.50"
#   (an optional minus, digits, a fraction; at most 40 characters).
# - true and false equal only themselves. Values of other kinds are never equal and never in order.
# - created_at and updated_at compare as instants.

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, assert_never

from nexusone.modules.audience.domain.email_address import comparable_email
from nexusone.modules.audience.domain.segments import (
    INSTANT_FIELDS,
    AllOf,
    AnyOf,
    Comparison,
    Equality,
    Existence,
    Membership,
    Negation,
    Node,
    Ordering,
    ScalarValue,
    TextSearch,
    custom_key,
    instant_of,
    is_built_in,
)

NUMBER_TEXT_LENGTH_MAX = 40

_NUMBER_TEXT = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_Comparable = TypeVar("_Comparable", str, Decimal, datetime)


def matches(definition: Node, contact: Mapping[str, object]) -> bool:
    """Whether the contact belongs to the segment.

    `contact` maps the built-in fields to text, instants or None, and `attributes` to a mapping of JSON values.
    """
    match definition:
        case AllOf(all=clauses):
            return all(matches(clause, contact) for clause in clauses)
        case AnyOf(any=clauses):
            return any(matches(clause, contact) for clause in clauses)
        case Negation(clause=clause):
            return not matches(clause, contact)
        case Existence(attribute=attribute, value=is_there):
            return (_stored(contact, attribute) is not None) == is_there
        case Equality(attribute=attribute, op=op, value=value):
            return _equals(_stored(contact, attribute), sought(attribute, value)) == (op == "eq")
        case Membership(attribute=attribute, value=values):
            stored = _stored(contact, attribute)
            return any(_equals(stored, sought(attribute, value)) for value in values)
        case Comparison(attribute=attribute, op=op, value=value):
            return _is_in_order(_stored(contact, attribute), op, sought(attribute, value))
        case TextSearch(attribute=attribute, op=op, value=value):
            stored, text = _stored(contact, attribute), str(sought(attribute, value))
            return isinstance(stored, str) and (text in stored if op == "contains" else stored.startswith(text))
        case _:
            assert_never(definition)


def sought(attribute: str, value: ScalarValue) -> ScalarValue | datetime:
    """The value in the form in which the attribute is stored: an e-mail address as it is spelled there, a time as an instant."""
    if attribute == "email" and isinstance(value, str):
        return comparable_email(value)
    return instant_of(value) if attribute in INSTANT_FIELDS else value


def _stored(contact: Mapping[str, object], attribute: str) -> object:
    if is_built_in(attribute):
        return contact[attribute]
    attributes = contact["attributes"]
    return attributes.get(custom_key(attribute)) if isinstance(attributes, Mapping) else None


def _equals(stored: object, value: ScalarValue | datetime) -> bool:
    if isinstance(value, bool):
        return stored is value
    if isinstance(value, int | float):
        number = _number(stored)
        return number is not None and number == _exact(value)
    return type(stored) is type(value) and stored == value


def _is_in_order(stored: object, op: Ordering, value: ScalarValue | datetime) -> bool:
    match value:
        case str():
            return isinstance(stored, str) and _ordered(stored, op, value)
        case datetime():
            return isinstance(stored, datetime) and _ordered(stored, op, value)
        case _:
            number = _number(stored)
            return number is not None and _ordered(number, op, _exact(value))


def _ordered(left: _Comparable, op: Ordering, right: _Comparable) -> bool:
    match op:
        case "lt":
            return left < right
        case "lte":
            return left <= right
        case "gt":
            return left > right
        case "gte":
            return left >= right
        case _:
            assert_never(op)


def _number(stored: object) -> Decimal | None:
    if isinstance(stored, str):
        is_number = len(stored) <= NUMBER_TEXT_LENGTH_MAX and _NUMBER_TEXT.fullmatch(stored)
        return Decimal(stored) if is_number else None
    return _exact(stored) if isinstance(stored, int | float) and not isinstance(stored, bool) else None


def _exact(value: float) -> Decimal:
    return Decimal(repr(value))

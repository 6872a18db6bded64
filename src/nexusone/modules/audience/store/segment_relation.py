"""Segments as SQL: a boolean expression over one row `c` of the view `audience.contact_v1`.

It says what `domain/segment_match` says, is never NULL and raises on no stored value. Names and values travel as
parameters. Built-in fields compile to plain operators that an index on the column answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, assert_never

from nexusone.modules.audience.domain.segment_match import sought
from nexusone.modules.audience.domain.segments import (
    AllOf,
    AnyOf,
    Comparison,
    Equality,
    Existence,
    Membership,
    Negation,
    Node,
    ScalarValue,
    TextSearch,
    custom_key,
)
from nexusone.platform.sql import Sql, fragment, join, placeholder

_COLUMNS: Final[Mapping[str, Sql]] = {
    "external_id": fragment("c.external_id"),
    "email": fragment("c.email"),
    "phone": fragment("c.phone"),
    "first_name": fragment("c.first_name"),
    "last_name": fragment("c.last_name"),
    "locale": fragment("c.locale"),
    "timezone": fragment("c.timezone"),
    "country": fragment("c.country"),
    "created_at": fragment("c.created_at"),
    "updated_at": fragment("c.updated_at"),
}
_OPERATORS: Final[Mapping[str, Sql]] = {
    "eq": fragment("="),
    "lt": fragment("<"),
    "lte": fragment("<="),
    "gt": fragment(">"),
    "gte": fragment(">="),
}
# What jsonb prints for a number, a boolean, an array or an object begins with one of these.
_PRINTED_STARTS = frozenset("-0123456789[{")

_TEXT_CAST = fragment("::text")
_TEXTS_CAST = fragment("::text[]")
_INSTANT_CAST = fragment("::timestamptz")
_INSTANTS_CAST = fragment("::timestamptz[]")
_NUMBER_CAST = fragment("::numeric")
_NUMBERS_CAST = fragment("::numeric[]")
_JSON_CAST = fragment("::jsonb")
_JSONS_CAST = fragment("::jsonb[]")

_NO_GUARD = fragment("")
_TEXT_GUARD = fragment(" and jsonb_typeof({json}) = 'string'")
_IS = fragment("{operator} {value}")
_IS_ANY = fragment("= any({value})")
_COLUMN_TEST = fragment("({text} {test} and {text} is not null)")
_TEXT_TEST = fragment("coalesce(({text}) {test}{guard}, false)")
_IN_ORDER = fragment('collate "C" {operator} {value}')
_CONTAINS = fragment("coalesce(strpos({text}, {value}) > 0{guard}, false)")
_STARTS_WITH = fragment("coalesce(starts_with({text}, {value}){guard}, false)")
_TRUE = fragment("coalesce(({text}) = 'true' and jsonb_typeof({json}) = 'boolean', false)")
_FALSE = fragment("coalesce(({text}) = 'false' and jsonb_typeof({json}) = 'boolean', false)")
# The cast is reached only where it cannot raise. The pattern is dear (1 µs) and comes last: it refuses what numeric's
# input takes beyond plain decimals (NaN, 1e9, 0x1f, 1_000, blanks).
_NUMBER_IN_TEXT = fragment(
    "case when length({text}) <= 40 and pg_input_is_valid({text}, 'numeric')"
    " then ({text})::numeric {test} and ({text}) ~ '^-?[0-9]+(\\.[0-9]+)?$' else false end"
)
# jsonb compares numbers by value, so only what compares is asked for its type.
_NUMBER_IN_JSON = fragment(
    "case when ({json}) {json_test} and jsonb_typeof({json}) = 'number' then true"
    " when jsonb_typeof({json}) = 'string' then {in_text} else false end"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """`where` holds of exactly the rows `c` in the segment; `parameters` go with it into the statement."""

    where: Sql
    parameters: Mapping[str, object]


def segment_relation(definition: Node, *, prefix: str = "segment") -> Relation:
    """The segment as an expression; parameters are named `<prefix>_<n>`, so that several fit into one statement."""
    compiler = _Compiler(prefix)
    return Relation(compiler.clause(definition), compiler.parameters)


@dataclass(frozen=True, slots=True)
class _Operand:
    """An attribute as text, and as jsonb unless it is a column. Both are NULL where it is absent."""

    text: Sql
    json: Sql | None


class _Compiler:
    def __init__(self, prefix: str) -> None:
        self.parameters: dict[str, object] = {}
        self._prefix = prefix

    def clause(self, node: Node) -> Sql:
        match node:
            case AllOf(all=clauses):
                return fragment("({clauses})").fill(clauses=join(" and ", map(self.clause, clauses)))
            case AnyOf(any=clauses):
                return fragment("({clauses})").fill(clauses=join(" or ", map(self.clause, clauses)))
            case Negation(clause=clause):
                return _negated(self.clause(clause))
            case Existence(attribute=attribute, value=is_there):
                test = fragment("({text}) is not null") if is_there else fragment("({text}) is null")
                return test.fill(text=self._operand(attribute).text)
            case Equality(attribute=attribute, op=op, value=value):
                equal = self._compared(self._operand(attribute), "eq", sought(attribute, value))
                return equal if op == "eq" else _negated(equal)
            case Comparison(attribute=attribute, op=op, value=value):
                return self._compared(self._operand(attribute), op, sought(attribute, value))
            case Membership(attribute=attribute, value=values):
                return self._one_of(self._operand(attribute), [sought(attribute, value) for value in values])
            case TextSearch(attribute=attribute, op=op, value=value):
                return self._searched(self._operand(attribute), op, str(sought(attribute, value)))
            case _:
                assert_never(node)

    def _operand(self, attribute: str) -> _Operand:
        column = _COLUMNS.get(attribute)
        if column is not None:
            return _Operand(column, None)
        key = self._bind(custom_key(attribute), _TEXT_CAST)
        return _Operand(fragment("c.attributes ->> {key}").fill(key=key), fragment("c.attributes -> {key}").fill(key=key))

    def _compared(self, operand: _Operand, op: str, value: ScalarValue | datetime) -> Sql:
        operator = _OPERATORS[op]
        if isinstance(value, datetime):
            return _column_test(operand, _IS.fill(operator=operator, value=self._bind(value, _INSTANT_CAST)))
        if isinstance(value, bool):
            return _is_boolean(operand, value)
        if isinstance(value, int | float):
            test, json_test = (_IS.fill(operator=operator, value=self._bind(repr(value), cast)) for cast in (_NUMBER_CAST, _JSON_CAST))
            return _number_test(operand, test, json_test=json_test)
        bound = self._bind(value, _TEXT_CAST)
        if op == "eq":
            return _text_test(operand, _IS.fill(operator=operator, value=bound), guard=_guard(operand, value))
        in_order = _IN_ORDER.fill(operator=operator, value=bound)
        return _TEXT_TEST.fill(text=operand.text, test=in_order, guard=_text_guard(operand))

    def _one_of(self, operand: _Operand, values: Sequence[ScalarValue | datetime]) -> Sql:
        instants = [value for value in values if isinstance(value, datetime)]
        texts = [value for value in values if isinstance(value, str)]
        booleans = {value for value in values if isinstance(value, bool)}
        numbers = [repr(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
        tests = [_is_boolean(operand, value) for value in sorted(booleans)]
        if instants:
            tests.append(_column_test(operand, _IS_ANY.fill(value=self._bind(instants, _INSTANTS_CAST))))
        if texts:
            test = _IS_ANY.fill(value=self._bind(texts, _TEXTS_CAST))
            tests.append(_text_test(operand, test, guard=_guard(operand, *texts)))
        if numbers:
            test, json_test = (_IS_ANY.fill(value=self._bind(numbers, cast)) for cast in (_NUMBERS_CAST, _JSONS_CAST))
            tests.append(_number_test(operand, test, json_test=json_test))
        return fragment("({tests})").fill(tests=join(" or ", tests))

    def _searched(self, operand: _Operand, op: Literal["contains", "starts_with"], text: str) -> Sql:
        value = self._bind(text, _TEXT_CAST)
        if op == "contains":
            return _CONTAINS.fill(text=operand.text, value=value, guard=_text_guard(operand))
        return _STARTS_WITH.fill(text=operand.text, value=value, guard=_guard(operand, text))

    def _bind(self, value: object, cast: Sql) -> Sql:
        name = f"{self._prefix}_{len(self.parameters)}"
        self.parameters[name] = value
        return join("", (placeholder(name), cast))


def _negated(clause: Sql) -> Sql:
    return fragment("(not {clause})").fill(clause=clause)


def _column_test(operand: _Operand, test: Sql) -> Sql:
    # Unlike coalesce, this leaves the operator where an index can answer it.
    return _COLUMN_TEST.fill(text=operand.text, test=test)


def _text_test(operand: _Operand, test: Sql, *, guard: Sql) -> Sql:
    return _column_test(operand, test) if operand.json is None else _TEXT_TEST.fill(text=operand.text, test=test, guard=guard)


def _is_boolean(operand: _Operand, value: bool) -> Sql:
    if operand.json is None:
        return fragment("false")
    return (_TRUE if value else _FALSE).fill(text=operand.text, json=operand.json)


def _number_test(operand: _Operand, test: Sql, *, json_test: Sql) -> Sql:
    in_text = _NUMBER_IN_TEXT.fill(text=operand.text, test=test)
    return in_text if operand.json is None else _NUMBER_IN_JSON.fill(json=operand.json, json_test=json_test, in_text=in_text)


def _text_guard(operand: _Operand) -> Sql:
    return _NO_GUARD if operand.json is None else _TEXT_GUARD.fill(json=operand.json)


def _guard(operand: _Operand, *values: str) -> Sql:
    # Text that cannot be how a number, a boolean, an array or an object is printed needs no look at the type, which
    # costs as much as the comparison itself.
    can_be_printed = any(value[:1] in _PRINTED_STARTS or "true".startswith(value) or "false".startswith(value) for value in values)
    return _text_guard(operand) if can_be_printed else _NO_GUARD

"""Every field of the graph with all that hangs on it, and every place where an id can stand in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from graphql import GraphQLInputObjectType, GraphQLNamedType, GraphQLObjectType, GraphQLSchema, build_schema, get_named_type
from graphql import is_required_argument as is_required
from strawberry.printer import print_schema

from nexusone.apps.catalog import MODULES
from nexusone.web import graphql

DEPTH_MAX = 4


@dataclass(frozen=True, slots=True)
class Field:
    """A field of Query: what is selected below it, and its arguments that take ids (dotted inside input objects), and those it cannot be
    asked without."""

    name: str
    selected: str
    ids: tuple[str, ...]
    required: frozenset[str]
    is_paged: bool

    def asked(self, argument: str | None = None, value: str = "", **further: str) -> str:
        """A query of this field alone, with an id at one place and further arguments as they stand in a query."""
        given = dict(further)
        if argument is not None:
            outer, _, inner = argument.partition(".")
            given[outer] = f'{{{inner}: "{value}"}}' if inner else f'"{value}"'
        told = ", ".join(f"{name}: {text}" for name, text in given.items())
        return f"{{ {self.name}{f'({told})' if told else ''} {self.selected} }}"


@lru_cache(maxsize=1)
def fields() -> tuple[Field, ...]:
    """All fields of Query."""
    queries = [query for module in MODULES for query in module.graphql_queries]
    schema = build_schema(print_schema(graphql.build_schema(queries, allows_introspection=True)))
    return tuple(_fields(schema))


def _fields(schema: GraphQLSchema) -> Iterator[Field]:
    assert schema.query_type is not None
    for name, field in schema.query_type.fields.items():
        ids = tuple(place for argument, known in field.args.items() for place in _ids(argument, get_named_type(known.type)))
        required = frozenset(argument for argument, known in field.args.items() if is_required(known))
        assert required <= set(ids), f"{name} asks for more than ids"
        yield Field(name, _selected(get_named_type(field.type), DEPTH_MAX), ids, required, "cursor" in field.args)


def _ids(name: str, kind: GraphQLNamedType) -> Iterator[str]:
    if kind.name in ("UUID", "ID"):
        yield name
    elif isinstance(kind, GraphQLInputObjectType):
        for inner, field in kind.fields.items():
            yield from (f"{name}.{place}" for place in _ids(inner, get_named_type(field.type)))


def _selected(kind: GraphQLNamedType, depth: int) -> str:
    if not isinstance(kind, GraphQLObjectType):
        return ""
    parts = ((name, get_named_type(field.type)) for name, field in kind.fields.items())
    shown = [f"{name} {_selected(part, depth - 1)}" for name, part in parts if depth > 1 or not isinstance(part, GraphQLObjectType)]
    return "{ " + " ".join(shown) + " }"

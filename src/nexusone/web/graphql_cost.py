"""What a GraphQL query may cost at most, told from its text before anything runs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    FieldDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    get_operation_ast,
)
from graphql import ObjectTypeDefinitionNode as ObjectType
from graphql import parse as parse_document
from graphql.language import IntValueNode, SelectionSetNode

from nexusone.kernel.page import PAGE_SIZE, PAGE_SIZE_MAX

TOKENS_MAX = 2000
NESTING_MAX = 60
COST_MAX = 5000

# Texts are matched whole, so that brackets inside them do not count.
_STRUCTURE = re.compile(r'"""(?:\\"""|[^"]|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*|[\[\](){}]')


@dataclass(frozen=True, slots=True)
class PagedFields:
    """The names of all fields of a schema that take a `limit`."""

    names: frozenset[str]

    @classmethod
    def of(cls, schema_text: str) -> "PagedFields":
        """Reads them out of a schema in its own language."""
        types = (node for node in parse_document(schema_text).definitions if isinstance(node, ObjectType))
        fields: Iterable[FieldDefinitionNode] = (field for node in types for field in node.fields or ())
        return cls(frozenset(field.name.value for field in fields if any(given.name.value == "limit" for given in field.arguments or ())))


def nesting_of(query: str) -> int:
    """How deep the brackets of a query stand in one another."""
    depth = deepest = 0
    for token in _STRUCTURE.finditer(query):
        mark = token.group()
        if mark in ("{", "[", "("):
            depth += 1
            deepest = max(deepest, depth)
        elif mark in ("}", "]", ")"):
            depth -= 1
    return deepest


def cost_of(query: str, paged: PagedFields, *, operation_name: str | None = None) -> int:
    """How many objects a query may give at most; a list gives as many as its `limit` says, 50 where it says none.

    It stops counting past COST_MAX. Raises: GraphQLError where the query cannot be read or does not say what is asked.
    """
    document = parse_document(query, max_tokens=TOKENS_MAX)
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        raise GraphQLError("a query has one operation, or operationName says which of them is asked")
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    return _Count(fragments, paged).of(operation.selection_set, frozenset())


@dataclass(frozen=True, slots=True)
class _Count:
    fragments: dict[str, FragmentDefinitionNode]
    paged: PagedFields

    def of(self, selected: SelectionSetNode | None, inside: frozenset[str]) -> int:
        total = 0
        for node in selected.selections if selected else ():
            # Everything counts, spreads too, so that fragments of fragments of fragments end the counting early.
            total += 1
            if isinstance(node, FragmentSpreadNode):
                total += self._of_fragment(node.name.value, inside)
            elif isinstance(node, InlineFragmentNode):
                total += self.of(node.selection_set, inside)
            elif isinstance(node, FieldNode):
                total += self._times(node) * self.of(node.selection_set, inside)
            if total > COST_MAX:
                return total
        return total

    def _of_fragment(self, name: str, inside: frozenset[str]) -> int:
        fragment = self.fragments.get(name)
        if fragment is None or name in inside:
            raise GraphQLError(f"the fragment {name} is unknown or contains itself")
        return self.of(fragment.selection_set, inside | {name})

    def _times(self, node: FieldNode) -> int:
        if node.name.value not in self.paged.names:
            return 1
        for argument in node.arguments or ():
            if argument.name.value == "limit":
                return max(1, int(argument.value.value)) if isinstance(argument.value, IntValueNode) else PAGE_SIZE_MAX
        return PAGE_SIZE

"""Liquid programs: parsed once, checked against the rules of the sandbox, rendered many times."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from liquid.ast import Node
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.expressions.primitive import IntegerLiteral, RangeLiteral
from liquid.exceptions import (
    BlockNestingError,
    ContextDepthError,
    LiquidError,
    LiquidInterrupt,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)
from liquid.expression import Expression

from .faults import RenderFault, TemplateRejected, line_at, rejected
from .filters import FILTERS
from .sandbox import (
    BLOCK_DEPTH_MAX,
    HTML_SURFACE,
    LOCALS_BYTES_MAX,
    LOOP_STEPS_MAX,
    NOW,
    OUTPUT_BYTES_MAX,
    TAGS,
    TEXT_SURFACE,
    SandboxContext,
    SandboxTemplate,
    ValueNode,
    known,
)
from .spans import liquid_spans

LIMITS: dict[type[LiquidError], tuple[str, str]] = {
    LoopIterationLimitError: ("liquid.loop_limit", f"the loops run more than {LOOP_STEPS_MAX:,} times"),
    OutputStreamLimitError: ("liquid.output_limit", f"the text grows beyond {OUTPUT_BYTES_MAX // 1024} KiB"),
    LocalNamespaceLimitError: ("liquid.memory_limit", f"assigned texts take more than {LOCALS_BYTES_MAX // 1024} KiB"),
    BlockNestingError: ("liquid.depth_limit", f"blocks are nested more than {BLOCK_DEPTH_MAX} deep"),
    ContextDepthError: ("liquid.depth_limit", f"blocks are nested more than {BLOCK_DEPTH_MAX} deep"),
    ResourceLimitError: ("liquid.work_limit", "the template does too much work for one text"),
}


class Program:
    """A parsed piece of a template on one surface."""

    __slots__ = ("_template", "is_html", "source")

    reserved: ClassVar[frozenset[str]] = frozenset({NOW})
    """Names that a template may not give to what it assigns."""

    def __init__(self, source: str, *, is_html: bool) -> None:
        """Raises TemplateRejected, with line numbers, for what does not parse or is not allowed."""
        for _span in liquid_spans(source):
            pass
        self.source, self.is_html = source, is_html
        try:
            template = (HTML_SURFACE if is_html else TEXT_SURFACE).from_string(source)
        except LiquidError as error:
            raise unreadable(error, source) from error
        if not isinstance(template, SandboxTemplate):
            raise TypeError(type(template))
        self._template = template
        for node in every_node(self.nodes, self.context({})):
            check_node(node, source, reserved=self.reserved)

    @property
    def nodes(self) -> list[Node]:
        """The top level of the parsed template."""
        return self._template.nodes

    def context(self, values: Mapping[str, object]) -> SandboxContext:
        """A fresh rendering over `values`."""
        return SandboxContext(self._template, globals=values)

    def variables(self) -> frozenset[str]:
        """The names it looks up, without those it assigns itself."""
        return frozenset(self._template.analyze().globals)

    def paths(self) -> frozenset[tuple[str, ...]]:
        """What it looks up, as far as that is spelled out: `a.b[c].d` is ("a", "b")."""
        found = set()
        for variables in self._template.analyze().globals.values():
            for variable in variables:
                plain = itertools.takewhile(lambda segment: isinstance(segment, str), variable.segments)
                found.add(tuple(str(segment) for segment in plain))
        return frozenset(found)

    def value(self, values: Mapping[str, object]) -> object:
        """What a template of one output alone stands for (None where that is nothing); of any other, its text. Raises RenderFault."""
        if len(self.nodes) != 1 or not isinstance(node := self.nodes[0], ValueNode):
            return self.render(values)
        with liquid_faults():
            return known(node.expression.evaluate(self.context(values)))

    def render(self, values: Mapping[str, object]) -> str:
        """The text over these values. Raises RenderFault."""
        context = self.context(values)
        buffer = context.get_buffer()
        with liquid_faults():
            for node in self.nodes:
                node.render(context, buffer)
        return buffer.getvalue()


@contextmanager
def liquid_faults() -> Iterator[None]:
    """Turns whatever a template can raise while it renders into a RenderFault."""
    try:
        yield
    except LiquidError as error:
        code, detail = limit_of(error) or ("liquid.failed", plain_message(error))
        raise RenderFault(code=code, detail=detail) from error
    except LiquidInterrupt as error:
        raise RenderFault(code="liquid.failed", detail="break and continue stand outside of a loop") from error
    except (RecursionError, ArithmeticError, ValueError, TypeError, LookupError) as error:
        raise RenderFault(code="liquid.failed", detail="a value cannot be used the way the template uses it") from error


def limit_of(error: LiquidError) -> tuple[str, str] | None:
    return next((LIMITS[kind] for kind in type(error).__mro__ if kind in LIMITS), None)


def plain_message(error: LiquidError) -> str:
    return str(error.args[0]) if error.args else "the template is not valid Liquid"


def unreadable(error: LiquidError, source: str) -> TemplateRejected:
    line = line_at(source, error.token.start_index) if error.token is not None else None
    code, detail = limit_of(error) or ("liquid.invalid", plain_message(error))
    if unknown := re.match(r"unexpected tag '(\w+)'", detail):
        code, detail = "liquid.tag_unknown", f"the tag {unknown[1]} is not available; there are {', '.join(TAGS)}"
    return rejected(code, detail, line=line)


def every_node(nodes: Iterable[Node], context: SandboxContext) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from every_node(node.children(context), context)


def every_expression(expressions: Iterable[Expression]) -> Iterator[Expression]:
    for expression in expressions:
        yield expression
        yield from every_expression(expression.children())


def check_node(node: Node, source: str, *, reserved: frozenset[str]) -> None:
    line = line_at(source, node.token.start_index)
    for name in (*node.template_scope(), *node.block_scope()):
        if name in reserved:
            raise rejected("liquid.name_taken", f"the name {name} is taken; choose another", line=line)
    for expression in every_expression(node.expressions()):
        if isinstance(expression, FilteredExpression):
            check_filters([used.name for used in expression.filters or ()], line)
        if isinstance(expression, RangeLiteral):
            check_range(expression, line)


def check_filters(names: Iterable[str], line: int) -> None:
    for name in names:
        if name not in FILTERS:
            raise rejected("liquid.filter_unknown", f"the filter {name} is not available; there are {', '.join(FILTERS)}", line=line)


def check_range(expression: RangeLiteral, line: int) -> None:
    start, stop = expression.start, expression.stop
    if not (isinstance(start, IntegerLiteral) and isinstance(stop, IntegerLiteral)):
        raise rejected("liquid.range", "a range such as (1..5) needs two plain numbers", line=line)
    if stop.value - start.value >= LOOP_STEPS_MAX:
        raise rejected("liquid.loop_limit", f"a range holds at most {LOOP_STEPS_MAX:,} numbers", line=line)

"""The template language: Liquid in a sandbox.

Values are plain data, looked up by key only. There are no includes, no clock, no attributes of objects. Loops, work, texts, names
and output are bounded. On the HTML surface every value is escaped, the template's own string literals too.
"""

from collections.abc import Mapping
from functools import partial
from io import StringIO
from typing import TextIO

from liquid import Environment, RenderContext, Undefined
from liquid.ast import Node
from liquid.builtin.content import Literal
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignTag
from liquid.builtin.tags.capture_tag import CaptureNode, CaptureTag
from liquid.builtin.tags.case_tag import CaseTag
from liquid.builtin.tags.comment_tag import CommentTag
from liquid.builtin.tags.for_tag import BreakTag, ContinueTag, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfTag
from liquid.builtin.tags.inline_comment_tag import InlineCommentTag
from liquid.builtin.tags.unless_tag import UnlessTag
from liquid.exceptions import LoopIterationLimitError, ResourceLimitError
from liquid.stream import TokenStream
from liquid.template import BoundTemplate
from liquid.token import Token
from liquid.utils import ReadOnlyChainMap
from markupsafe import Markup, escape

from .filters import FILTERS, as_text
from .spans import liquid_spans

OUTPUT_BYTES_MAX = 256 * 1024
LOOP_STEPS_MAX = 10_000
LOCALS_BYTES_MAX = 64 * 1024
BLOCK_DEPTH_MAX = 12
# One unit is about 0.2 microseconds, so that the dearest text stays well under a second.
WORK_MAX = 500_000
# The value that `date` reads for "now", if the caller gives one.
NOW = "now"
TAGS = ("if", "unless", "case", "for", "break", "continue", "assign", "capture", "comment")


class SandboxContext(RenderContext):
    """One rendering: looks up keys of plain data only, and counts what the template costs."""

    __slots__ = ("block_cost", "steps", "work")

    def __init__(self, template: BoundTemplate, *, globals: Mapping[str, object]) -> None:  # noqa: A002 - the library's name
        super().__init__(template, globals=globals)
        # The library's own chain ends in names that read the clock.
        self.scope = ReadOnlyChainMap(self.locals, self.globals)
        self.steps, self.work, self.block_cost = 0, 0, 1

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > WORK_MAX:
            raise ResourceLimitError("work", token=None)

    def assign(self, key: str, val: object) -> None:
        self.spend(2 + len(self.locals))
        super().assign(key, val)

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.steps += length
        if self.steps > LOOP_STEPS_MAX:
            raise LoopIterationLimitError("loops", token=None)
        self.spend(length * self.block_cost)

    def filter(self, name: str, token: Token | None) -> partial[object]:
        return partial(self.apply, name)

    def apply(self, name: str, value: object, *args: object, **kwargs: object) -> object:
        self.spend(5 + sum(len(text) for text in (value, *args) if isinstance(text, str)) // 64)
        if name == "date" and value in ("now", "today"):
            value = self.globals.get(NOW)
        return FILTERS[name](is_html(self), known(value), *map(known, args), **kwargs)

    def get_item(self, obj: object, key: object) -> object:
        if isinstance(obj, Mapping):
            return len(obj) if key == "size" and "size" not in obj else obj[key]
        if isinstance(obj, list | tuple | range):
            named = {"size": len(obj), "first": obj[0] if obj else None, "last": obj[-1] if obj else None}
            return obj[key] if isinstance(key, int) else named[str(key)]
        if isinstance(obj, str) and key == "size":
            return len(obj)
        raise KeyError(key)


class SandboxTemplate(BoundTemplate):
    """A parsed template that renders in a sandbox context."""

    context_class = SandboxContext


class ValueNode(OutputNode):
    """`{{ … }}`: escaped on the HTML surface unless a captured block or `escape` already did."""

    __slots__ = ()

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        return buffer.write(shown(self.expression.evaluate(context), is_escaped=is_html(context)))


class ValueTag(Output):
    node_class = ValueNode


class SandboxCaptureNode(CaptureNode):
    """`{% capture %}`: its block was escaped while it rendered, so the result is marked on the HTML surface."""

    __slots__ = ()

    def _assign(self, context: RenderContext, buf: StringIO) -> None:
        context.assign(self.name, Markup(buf.getvalue()) if is_html(context) else buf.getvalue())  # noqa: S704 - escaped while it rendered


class SandboxCaptureTag(CaptureTag):
    node_class = SandboxCaptureNode


class CostedForNode(ForNode):
    """A loop that knows how much Liquid each of its rounds runs."""

    __slots__ = ("cost",)
    cost: int

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        if isinstance(context, SandboxContext):
            context.block_cost = self.cost
        return super().render_to_output(context, buffer)


class CostedForTag(ForTag):
    node_class = CostedForNode

    def parse(self, stream: TokenStream) -> Node:
        opening = stream.current
        node = super().parse(stream)
        if isinstance(node, CostedForNode):
            node.cost = liquid_cost(opening.source[opening.start_index : stream.current.start_index])
        return node


class Sandbox(Environment):
    """The language with nothing but what is listed here."""

    block_nesting_limit = BLOCK_DEPTH_MAX
    output_stream_limit = OUTPUT_BYTES_MAX
    local_namespace_limit = LOCALS_BYTES_MAX
    template_class = SandboxTemplate

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (Literal, ValueTag, Illegal, IfTag, UnlessTag, CaseTag, CostedForTag, BreakTag, ContinueTag):
            self.add_tag(tag)
        for block in (AssignTag, SandboxCaptureTag, CommentTag, InlineCommentTag):
            self.add_tag(block)
        self.filters.update(FILTERS)


class HtmlSandbox(Sandbox):
    """The same for the HTML surface. The library's own escaping stays off: it trusts the template's string literals."""


TEXT_SURFACE = Sandbox()
HTML_SURFACE = HtmlSandbox()


def is_html(context: RenderContext) -> bool:
    return isinstance(context.env, HtmlSandbox)


def known(value: object) -> object:
    return None if isinstance(value, Undefined) else value


def shown(value: object, *, is_escaped: bool) -> str:
    """A value as it stands in the output."""
    if isinstance(value, Undefined):
        return ""
    if not is_escaped:
        return as_text(value)
    return value if isinstance(value, Markup) else str(escape(as_text(value)))


def liquid_cost(loop: str) -> int:
    block = loop[loop.find("%}") + 2 : loop.rfind("{%")]
    return 1 + sum(1 + (end - start) // 2 for start, end in liquid_spans(block))

"""Liquid programs cut into what never changes and what does.

What never changes is encoded once; per mail only the holes are filled. Branches keep their static text encoded, loops and
everything else render as the language does and are encoded whole.
"""

from collections.abc import Callable, Mapping, Sequence

from liquid.ast import BlockNode, Node
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import BooleanExpression, FilteredExpression, KeywordArgument, Path, StringLiteral
from liquid.builtin.expressions.logical import EqExpression
from liquid.builtin.tags.if_tag import IfNode
from liquid.exceptions import OutputStreamLimitError
from liquid.expression import Expression
from markupsafe import escape

from nexusone.kernel.liquid.filters import as_text
from nexusone.kernel.liquid.program import liquid_faults
from nexusone.kernel.liquid.sandbox import OUTPUT_BYTES_MAX, SandboxContext, ValueNode

from .liquid import RESERVED, Program

Encode = Callable[[str], bytes]


class Frame:
    """One rendering of one program: the values, and the Liquid context once something needs it."""

    __slots__ = ("_context", "encoded", "program", "room", "shown", "values")

    def __init__(self, program: Program, values: Mapping[str, object], encoded: dict[str, bytes]) -> None:
        self.program, self.values, self.room = program, values, OUTPUT_BYTES_MAX
        self._context: SandboxContext | None = None
        # Names and addresses come several times in a mail; encoding them once is most of the speed.
        self.encoded = encoded
        self.shown: dict[str, bytes] = {} if program.is_html else encoded

    @property
    def context(self) -> SandboxContext:
        """The Liquid context; names that the template assigns live here."""
        if self._context is None:
            self._context = self.program.context(self.values)
        return self._context


Hole = Callable[[Frame, list[bytes]], None]
Segment = bytes | Hole


class Segments:
    """A program ready to be rendered as encoded bytes."""

    __slots__ = ("_program", "_segments")

    def __init__(self, program: Program, encode: Encode) -> None:
        self._program = program
        self._segments = Cutter(program.is_html, encode).cut(program.nodes)

    def render(self, values: Mapping[str, object], encoded: dict[str, bytes]) -> bytes:
        """Encoded output for one recipient; `encoded` is shared by the parts of one mail in one encoding. Raises RenderFault."""
        out: list[bytes] = []
        with liquid_faults():
            fill(self._segments, Frame(self._program, values, encoded), out)
        return b"".join(out)


def fill(segments: Sequence[Segment], frame: Frame, out: list[bytes]) -> None:
    for segment in segments:
        if segment.__class__ is bytes:
            out.append(segment)
        else:
            segment(frame, out)  # type: ignore[operator]


class Cutter:
    """Cuts the nodes of a program for one surface and one encoding."""

    def __init__(self, is_html: bool, encode: Encode) -> None:
        self.is_html, self.encode = is_html, encode

    def cut(self, nodes: Sequence[Node]) -> tuple[Segment, ...]:
        segments: list[Segment] = []
        static: list[str] = []
        for node in nodes:
            if isinstance(node, ContentNode):
                static.append(node.text)
                continue
            if static:
                segments.append(self.encode("".join(static)))
                static.clear()
            segments.append(self.hole(node))
        if static:
            segments.append(self.encode("".join(static)))
        return tuple(segments)

    def hole(self, node: Node) -> Hole:
        if isinstance(node, IfNode) and not node.blank:
            return self.branch(node)
        lookup = looked_up(node.expression) if isinstance(node, ValueNode) else None
        return self.block(node) if lookup is None else self.field(*lookup)

    def field(self, path: tuple[str, ...], fallback: str | None) -> Hole:
        encode, is_html, look_up = self.encode, self.is_html, lookup_of(path)

        def fill_field(frame: Frame, out: list[bytes]) -> None:
            value = look_up(frame)
            if fallback is not None and (value is None or value is False or value == "" or value == [] or value == {}):
                value = fallback
            text = value if isinstance(value, str) else as_text(value)
            frame.room -= len(text)
            if frame.room < 0:
                raise OutputStreamLimitError("output", token=None)
            piece = frame.shown.get(text)
            if piece is None:
                escaped = str(escape(text)) if is_html else text
                piece = frame.encoded.get(escaped)
                if piece is None:
                    piece = frame.encoded[escaped] = encode(escaped)
                frame.shown[text] = piece
            out.append(piece)

        return fill_field

    def branch(self, node: IfNode) -> Hole:
        arms = [(truth_of(node.condition), self.cut(node.consequence.nodes))]
        arms += [(truth_of(arm.expression), self.cut(arm.block.nodes)) for arm in node.alternatives]
        otherwise = self.cut(node.default.nodes) if isinstance(node.default, BlockNode) else ()

        def fill_branch(frame: Frame, out: list[bytes]) -> None:
            for is_true, segments in arms:
                if is_true(frame):
                    return fill(segments, frame, out)
            return fill(otherwise, frame, out)

        return fill_branch

    def block(self, node: Node) -> Hole:
        encode = self.encode

        def fill_block(frame: Frame, out: list[bytes]) -> None:
            buffer = frame.context.get_buffer()
            node.render(frame.context, buffer)
            text = buffer.getvalue()
            frame.room -= len(text)
            if frame.room < 0:
                raise OutputStreamLimitError("output", token=None)
            out.append(encode(text))

        return fill_block


def lookup_of(path: tuple[str, ...]) -> Callable[[Frame], object]:
    root, *keys = path

    def look_up(frame: Frame) -> object:
        value: object = frame.values.get(root)
        for key in keys:
            if value.__class__ is dict or isinstance(value, Mapping):
                value = value.get(key)
            else:
                return None
        return value

    return look_up


def truth_of(condition: Expression) -> Callable[[Frame], bool]:
    """`{% if contact.vip %}` and `{% if contact.country == "DE" %}` without the language's own machinery; the rest by it."""
    expression = condition.expression if isinstance(condition, BooleanExpression) else condition
    if isinstance(expression, Path) and (path := plain_path(expression)):
        look_up = lookup_of(path)
        return lambda frame: is_truthy(look_up(frame))
    if isinstance(expression, EqExpression) and isinstance(expression.left, Path) and isinstance(expression.right, StringLiteral):
        path, wanted = plain_path(expression.left), expression.right.value
        if path is not None:
            return equality(lookup_of(path), wanted, condition)
    return lambda frame: bool(condition.evaluate(frame.context))


def is_truthy(value: object) -> bool:
    return value is not None and value is not False


def equality(look_up: Callable[[Frame], object], wanted: str, condition: Expression) -> Callable[[Frame], bool]:
    def is_equal(frame: Frame) -> bool:
        value = look_up(frame)
        return value == wanted if isinstance(value, str) else bool(condition.evaluate(frame.context))

    return is_equal


def plain_path(expression: Path) -> tuple[str, ...] | None:
    """Keys below a name that no template can assign; None where the language would do more than look up."""
    path = tuple(key for key in expression.path if isinstance(key, str))
    is_plain = len(path) == len(expression.path) and path[0] in RESERVED and not {"size", "first", "last"} & set(path)
    return path if is_plain else None


def looked_up(expression: Expression) -> tuple[tuple[str, ...], str | None] | None:
    """`{{ contact.first_name | default: "friend" }}` as a path and a fallback; None for anything less plain."""
    if not isinstance(expression, FilteredExpression) or not isinstance(expression.left, Path):
        return None
    path = plain_path(expression.left)
    if path is None:
        return None
    fallback = None
    for used in expression.filters or ():
        if used.name == "attribute":
            continue
        literal = used.args[0].value if used.name == "default" and len(used.args) == 1 else None
        if fallback is not None or not isinstance(literal, StringLiteral) or isinstance(used.args[0], KeywordArgument):
            return None
        fallback = literal.value
    return path, fallback

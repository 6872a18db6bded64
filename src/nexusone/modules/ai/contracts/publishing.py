"""The words of publishing: what a pipeline hands over, and what became of it."""

from pydantic import JsonValue

from nexusone.kernel.contract import Contract, Id


class Publication(Contract):
    """Content for a target. The same `key` is the same publication, however often it is handed over."""

    key: Id
    target: str
    content: dict[str, JsonValue]


class Published(Contract):
    """What there is now, and where."""

    kind: str
    id: str | None = None
    href: str | None = None


class PublicationRefused(Contract):
    """The target does not take such content."""

    code: str
    detail: str

"""A page of a list: at most a hundred items and the key after which the next page begins."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from nexusone.kernel.contract import Contract

T = TypeVar("T")

PAGE_SIZE_MAX = 100
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What a caller asks for: `limit` items after the sort key `after` (none: from the start)."""

    limit: int = PAGE_SIZE
    after: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PageOf(Generic[T]):
    """What a service answers: items, and the sort key to go on after, if more follow."""

    items: tuple[T, ...]
    next_after: tuple[str, ...] | None


class Page(Contract, Generic[T]):
    """The wire form: `next_cursor` is opaque, signed, and null on the last page."""

    items: list[T]
    next_cursor: str | None

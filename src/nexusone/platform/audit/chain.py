"""The chain's arithmetic and what can be wrong with it. Pure."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

HASH_BYTES = 32

Fault = Literal["edited", "deleted", "out_of_order", "truncated", "inserted", "rewritten"]


@dataclass(frozen=True, slots=True)
class Link:
    """One seal with the text of its entry (None: the entry is gone)."""

    position: int
    entry_id: UUID
    entry_hash: bytes
    chain_hash: bytes
    text: str | None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first row that is not as it was written; `position` is its place in the chain, None for a row that has no seal."""

    fault: Fault
    position: int | None
    entry_id: UUID | None
    detail: str


def genesis(workspace_id: UUID) -> bytes:
    """What the first link of a workspace follows."""
    return hashlib.sha256(b"nexusone audit chain v1\n" + workspace_id.bytes).digest()


def chain_hash(previous: bytes, *, position: int, entry_id: UUID, entry_hash: bytes) -> bytes:
    """The hash of a link: it covers the one before it, its place, and the entry's content."""
    return hashlib.sha256(previous + position.to_bytes(8, "big") + entry_id.bytes + entry_hash).digest()


@dataclass(slots=True)
class Walk:
    """Follows a chain link by link from `position` and `hash`, and remembers it at the positions of checkpoints."""

    position: int
    hash: bytes
    watched: frozenset[int]
    seen: dict[int, bytes] = field(default_factory=dict)
    count: int = 0

    def follow(self, link: Link) -> Broken | None:
        """What is wrong with the next link, if anything."""
        if link.position != self.position + 1:
            return Broken("deleted", self.position + 1, None, f"no seal between {self.position} and {link.position}")
        expected = chain_hash(self.hash, position=link.position, entry_id=link.entry_id, entry_hash=link.entry_hash)
        if expected != link.chain_hash:
            return Broken("out_of_order", link.position, link.entry_id, "the seal does not follow from the one before it")
        if link.text is None:
            return Broken("deleted", link.position, link.entry_id, "the seal is there, its entry is not")
        if hashlib.sha256(link.text.encode()).digest() != link.entry_hash:
            return Broken("edited", link.position, link.entry_id, "the entry is not what was sealed")
        self.position, self.hash, self.count = link.position, link.chain_hash, self.count + 1
        if link.position in self.watched:
            self.seen[link.position] = link.chain_hash
        return None

    def against(self, position: int, hash_then: bytes) -> Broken | None:
        """What a checkpoint at a position that was walked, or should have been, proves to be wrong."""
        if position > self.position:
            return Broken(
                "truncated", self.position + 1, None, f"a checkpoint has seen position {position}; the chain ends at {self.position}"
            )
        if position in self.seen and self.seen[position] != hash_then:
            return Broken("rewritten", position, None, f"a checkpoint has seen another chain up to position {position}")
        return None

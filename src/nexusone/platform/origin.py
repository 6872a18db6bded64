"""Who set something in motion: what transactions, events and jobs are stamped with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

PrincipalKind = Literal["anonymous", "user", "api_key", "operator", "system"]
Restraint = Literal["suspended", "visiting"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, and what it may do; a user also by which `methods` (RFC 8176: pwd, otp, hwk, …) and when it last proved itself.

    `impersonator` is the operator who acts in the principal's place. `role` is a built-in role's name or a role's id, `standing`
    says under what the principal was let in: while a credential has another standing, nothing is written in its name.
    `restraint` tells why permissions are fewer than the role's: the workspace is suspended, or an operator only looks.
    """

    kind: PrincipalKind
    id: UUID | None
    permissions: frozenset[str]
    session_id: UUID | None = None
    methods: tuple[str, ...] = ()
    authenticated_at: datetime | None = None
    impersonator: UUID | None = None
    role: str | None = None
    standing: str | None = None
    restraint: Restraint | None = None

    @property
    def label(self) -> str:
        """`kind:id`, as it stands in events, jobs and logs."""
        return f"{self.kind}:{self.id}" if self.id else self.kind


ANONYMOUS = Principal(kind="anonymous", id=None, permissions=frozenset())
SYSTEM = Principal(kind="system", id=None, permissions=frozenset({"*"}))


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """The key under which a request's effect is recorded once; `status` is what a replay answers with.

    `locked_until` is set once the key is taken, and tells this request's lock from a later one's.
    """

    principal_id: UUID
    method: str
    path: str
    key: str
    fingerprint: bytes
    status: int
    locked_until: datetime | None = None


class Origin(Protocol):
    """The context of a transaction, as far as the machinery needs it."""

    @property
    def workspace_id(self) -> UUID | None: ...

    @property
    def principal(self) -> Principal: ...

    @property
    def request_id(self) -> str: ...

    @property
    def is_test(self) -> bool: ...

    @property
    def ip(self) -> str | None: ...

    @property
    def locale(self) -> str: ...

    @property
    def timezone(self) -> str: ...

    @property
    def idempotency(self) -> IdempotencyClaim | None: ...

    def now(self) -> datetime: ...

    def subscribers(self, event_name: str) -> Sequence[str]:
        """The names of the jobs that a publication of the event sets off."""
        ...

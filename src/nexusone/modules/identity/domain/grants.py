"""Who asks for a segment or campaign, as far as grants look at it."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from nexusone.modules.identity.domain.permissions import allows

GRANTS_MAX = 100


@dataclass(frozen=True, slots=True)
class Asker:
    """A person and their role; `sees_all`: their role manages the kind, so that grants do not bind them."""

    id: UUID | None
    role: str | None
    sees_all: bool

    @property
    def parameters(self) -> Mapping[str, object]:
        """The same for statements that join `identity.object_grant_v1`."""
        return {"asker_id": self.id, "asker_role": self.role, "sees_all": self.sees_all}


def asker(*, user_id: UUID | None, role: str | None, permissions: frozenset[str], object_kind: str) -> Asker:
    """Whoever has these permissions, asking for an object of that kind."""
    return Asker(id=user_id, role=role, sees_all=allows(permissions, f"{object_kind}s:manage"))

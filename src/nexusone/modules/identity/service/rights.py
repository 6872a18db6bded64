"""What a role, a suspension and a visit leave of somebody's permissions."""

from collections.abc import Sequence
from uuid import UUID

from nexusone.modules.identity.domain.permissions import PERSONAL_PERMISSIONS, expanded, permissions_of, reading_part
from nexusone.platform.origin import Restraint

CUSTOM = "custom"

# A suspended workspace can still be resumed, taken along and given up.
SUSPENDED_STILL = frozenset({"workspace:suspend", "workspace:export", "workspace:delete"})


def held(role: str, own_permissions: Sequence[str] | None) -> frozenset[str]:
    """What a member's role gives; `own_permissions` are those of a role of the workspace's own."""
    return frozenset(own_permissions or ()) if role == CUSTOM else permissions_of(role)


def named(role: str, custom_role_id: UUID | None) -> str:
    """The role as it stands in grants and answers: a built-in role's name or a role's id."""
    return str(custom_role_id) if custom_role_id is not None else role


def restrained(permissions: frozenset[str], *, is_suspended: bool) -> tuple[frozenset[str], Restraint | None]:
    """The permissions that are left, and why they are fewer."""
    if not is_suspended:
        return permissions, None
    return reading_part(permissions) | (expanded(permissions) & SUSPENDED_STILL), "suspended"


def of_visitor(permissions: frozenset[str], *, is_elevated: bool) -> tuple[frozenset[str], Restraint | None]:
    """What an operator may do in a member's place: read, or after an elevation all that is not a person's own decision."""
    if not is_elevated:
        return reading_part(permissions), "visiting"
    return expanded(permissions) - PERSONAL_PERMISSIONS, None

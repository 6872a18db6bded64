"""What a door may ask of its caller besides a permission, and how it says no."""

from collections.abc import Mapping

from nexusone.kernel.errors import Forbidden
from nexusone.platform.runtime import Context

PERSONAL = "personal"
"""The door of a person who is signed in; neither a key nor an operator in a person's place gets through."""

OPERATOR = "operator"
"""The door of the operators' realm, where only their tokens are known, and which are known nowhere else."""


class PersonNeeded(Forbidden):
    """Only somebody who signed in as themselves may do this; no API key, and no operator in their place."""

    code = "auth.person_needed"


class WorkspaceSuspended(Forbidden):
    """The workspace is suspended or about to be deleted; it can be read, and nothing else."""

    code = "auth.workspace_suspended"


class ElevationNeeded(Forbidden):
    """An operator who visits a workspace only looks, until they have given a reason to do more."""

    code = "auth.elevation_needed"


def require_right(ctx: Context, permission: str, *, headers: Mapping[str, str]) -> None:
    """Lets callers with the permission pass.

    Raises:
        PersonNeeded: the door is for persons.
        WorkspaceSuspended, ElevationNeeded: the role has the permission, the present circumstances do not.
        Forbidden: the role does not have it.
    """
    principal = ctx.principal
    if permission == PERSONAL:
        if principal.kind != "user" or principal.impersonator is not None:
            raise PersonNeeded(headers=headers)
        return
    if permission == OPERATOR:
        if principal.kind != "operator":
            raise Forbidden(permission=permission, headers=headers)
        return
    if not ctx.may(permission):
        refusals: Mapping[str | None, type[Forbidden]] = {"suspended": WorkspaceSuspended, "visiting": ElevationNeeded}
        raise refusals.get(principal.restraint, Forbidden)(permission=permission, headers=headers)

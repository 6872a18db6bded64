"""What a workspace demands: of nobody, of some roles, or of everyone (AUTHN-09)."""

from pydantic import TypeAdapter

from nexusone.modules.identity.contracts.mfa import MfaPolicy
from nexusone.modules.identity.domain.mfa import is_satisfied
from nexusone.modules.identity.events import MfaPolicyChanged
from nexusone.modules.identity.service.refusals import EnrolmentNeeded
from nexusone.modules.identity.service.roles import require_role
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.store import mfa
from nexusone.modules.identity.store.mfa import PolicyRow
from nexusone.platform.events import publish
from nexusone.platform.runtime import Context

NOBODY = PolicyRow(demanded_of="nobody", roles=[])

_policy = TypeAdapter(MfaPolicy)


async def get_policy(ctx: Context) -> MfaPolicy:
    """Of whom the workspace demands a second factor."""
    async with ctx.transaction("identity") as tx:
        row = await mfa.find_policy(tx, workspace_id=ctx.workspace) or NOBODY
    return _told(row)


async def put_policy(ctx: Context, *, wanted: MfaPolicy) -> MfaPolicy:
    """Demands it from the next request on, of sessions that are open too.

    Raises:
        EnrolmentNeeded: who demands it has none themselves.
        RoleNotFound: it is demanded of a role that there is not.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    if wanted.demanded_of != "nobody" and not is_satisfied(ctx.principal.methods):
        raise EnrolmentNeeded
    roles = sorted({str(role) for role in wanted.roles}) if wanted.demanded_of == "roles" else []
    row = PolicyRow(demanded_of=wanted.demanded_of, roles=roles)
    async with ctx.transaction("identity") as tx:
        for role in roles:
            await require_role(ctx, tx, role)
        await mfa.put_policy(tx, workspace_id=ctx.workspace, demanded_of=row.demanded_of, roles=row.roles, now=ctx.now())
        await publish(tx, MfaPolicyChanged(workspace_id=ctx.workspace, demanded_of=wanted.demanded_of, roles=roles))
    return _told(row)


def _told(row: PolicyRow) -> MfaPolicy:
    return _policy.validate_python({"demanded_of": row.demanded_of, "roles": row.roles})

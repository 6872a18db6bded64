"""Proofs of domains: an address tells who somebody is only where the workspace has shown that the domain is its own."""

import asyncio
import hmac
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.identity.contracts.single_sign_on import SsoConnection
from nexusone.modules.identity.events import SsoDomainProved
from nexusone.modules.identity.ports import DomainProofs
from nexusone.modules.identity.service.refusals import SsoConnectionNotFound
from nexusone.modules.identity.service.sso_connections import shown
from nexusone.modules.identity.service.step_up import require_recent
from nexusone.modules.identity.store import sso
from nexusone.modules.identity.store.sso import DomainRow
from nexusone.platform.events import publish
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.idempotency import conclude
from nexusone.platform.limits import Limit, rate, take
from nexusone.platform.runtime import Context

PROVE_RATE = "20/minute"
PROOF_BYTES_MAX = 1024


async def prove_domains(ctx: Context, *, connection_id: UUID) -> SsoConnection:
    """Looks for the proofs of the domains that lack them; the answer shows which were found.

    Raises:
        SsoConnectionNotFound: there is none.
        RateLimited: asked too often.
        StepUpNeeded, PeopleOnly: as `require_recent`.
    """
    require_recent(ctx)
    await take(ctx, [Limit(policy="sso-proof", rate=rate(PROVE_RATE), subject=str(ctx.workspace))])
    async with ctx.transaction("identity") as tx:
        row = await sso.find_connection(tx, workspace_id=ctx.workspace, connection_id=connection_id)
        if row is None:
            raise SsoConnectionNotFound
        domains = await sso.list_domains(tx, workspace_id=ctx.workspace, connection_ids=[connection_id])
    waiting = [domain for domain in domains if domain.proven_at is None]
    held = await asyncio.gather(*(_is_held(ctx, domain) for domain in waiting))
    async with ctx.transaction("identity") as tx:
        for domain, is_held in zip(waiting, held, strict=True):
            if is_held and await sso.prove_domain(tx, domain, workspace_id=ctx.workspace, now=ctx.now()):
                await publish(tx, SsoDomainProved(sso_connection_id=connection_id, domain=domain.domain))
        answer = await shown(ctx, tx, row)
        await conclude(tx, answer)
    return answer


async def _is_held(ctx: Context, domain: DomainRow) -> bool:
    address = ctx.port(DomainProofs).address_of(domain.domain)
    try:
        answer = await ctx.port(OutgoingHttp).request("GET", address, answer_bytes_max=PROOF_BYTES_MAX)
    except (DefiniteFailure, UnknownOutcome):
        return False
    # A redirect would let whoever runs one page of the domain prove it with another's.
    return answer.status == 200 and hmac.compare_digest(answer.body.strip(), domain.proof.encode())

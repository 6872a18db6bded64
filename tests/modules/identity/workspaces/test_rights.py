"""AUTHZ-07 and AUTHZ-08: rights are asked for again where something is written and where a job runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from tests.modules.identity.accounts.site import Site
from tests.modules.identity.workspaces.companies import Company, user_id

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import Refusal
from nexusone.modules.audience.contracts import NewSegment
from nexusone.modules.audience.service.segments import create_segment
from nexusone.modules.identity.admission import CredentialAuthenticator, RightsAuthorizer
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.database import StandingLost
from nexusone.platform.jobs import JobKind, Worker, enqueue
from nexusone.platform.runtime import Context
from nexusone.web.admission import Arrival

SEGMENT = NewSegment.model_validate_json('{"name": "Pro", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}')


async def admitted(company: Company, credential: str) -> Context:
    """The context the door gives to a credential."""
    arrival = Arrival(authorization=f"Bearer {credential}", ip="10.0.0.9", user_agent=None, request_id="test", language=None, cost=1)
    return (await CredentialAuthenticator().admit(company.site.runtime, arrival)).ctx


async def changing_the_role(company: Company, person: str) -> None:
    """To one that may not write."""
    assert (await company.ask("PATCH", f"/v1/members/{person}", {"role": "viewer"})).status_code == 200


async def removing(company: Company, person: str) -> None:
    """From the workspace."""
    assert (await company.ask("DELETE", f"/v1/members/{person}")).status_code == 204


async def suspending(company: Company, person: str) -> None:
    """The whole workspace."""
    assert (await company.ask("POST", "/v1/workspace/suspend")).status_code == 200


@pytest.mark.parametrize("change", [changing_the_role, removing, suspending])
async def test_authz_07_a_right_lost_between_the_door_and_the_write_stops_the_write(
    company: Company, change: Callable[[Company, str], Awaitable[None]]
) -> None:
    person = await company.join("marketer")
    ctx = await admitted(company, person.session["access_token"])
    await change(company, user_id(person))
    with pytest.raises(StandingLost):
        await create_segment(ctx, wanted=SEGMENT)
    assert (await company.ask("GET", "/v1/segments")).json()["items"] == []


async def test_authz_07_a_changed_role_of_ones_own_and_an_ended_key_stop_the_write(company: Company) -> None:
    role = (await company.ask("POST", "/v1/roles", {"name": "Segmenter", "permissions": ["segments:write"]})).json()["role"]
    person = await company.join(role)
    ctx = await admitted(company, person.session["access_token"])
    await company.ask("PATCH", f"/v1/roles/{role}", {"permissions": ["segments:read"]})
    with pytest.raises(StandingLost):
        await create_segment(ctx, wanted=SEGMENT)
    made = await company.api_key()
    machine = await admitted(company, made["secret"])
    await company.ask("DELETE", f"/v1/api-keys/{made['key']['id']}")
    with pytest.raises(StandingLost):
        await create_segment(machine, wanted=SEGMENT)


async def test_authz_07_with_the_right_unchanged_the_write_goes_through(company: Company) -> None:
    person = await company.join("marketer")
    ctx = await admitted(company, person.session["access_token"])
    assert (await create_segment(ctx, wanted=SEGMENT)).name == "Pro"


class Errand(Contract):
    """Something to do."""

    text: str


class Office:
    """A worker of its own with one kind of job, which notes what it did and what was refused."""

    def __init__(self, site: Site, name: str, **options: Any) -> None:
        self.done: list[Context] = []
        self.refused: list[str] = []
        self.kind = JobKind(name=name, payload=Errand, handler=self._work, on_refused=self._regret, **options)
        runtime = replace(site.runtime, ports={**site.runtime.ports, Authorizer: RightsAuthorizer()})
        self._worker = Worker(runtime=runtime, queue_url=site.runtime.database.url, kinds=[self.kind])
        self.url = site.runtime.database.url

    async def _work(self, ctx: Context, _: Errand) -> None:
        self.done.append(ctx)

    async def _regret(self, ctx: Context, _: Errand, refusal: Refusal) -> None:
        self.refused.append(f"{ctx.principal.kind} {refusal.code}")

    async def leave(self, ctx: Context) -> None:
        """Leaves a job in the context's name."""
        async with ctx.transaction("identity") as tx:
            await enqueue(tx, self.kind, Errand(text="x"))

    async def work(self) -> None:
        """Does what is due, and does not wait for what is put off."""
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await self._worker.drain()


async def test_authz_08_a_job_runs_with_the_rights_of_whoever_left_it_and_no_others(company: Company) -> None:
    office = Office(company.site, "test.errand_kept", permission="segments:write")
    person = await company.join("marketer")
    await office.leave(await admitted(company, person.session["access_token"]))
    await office.work()
    (ctx,) = office.done
    assert (ctx.principal.kind, str(ctx.principal.id), ctx.principal.role) == ("user", user_id(person), "marketer")
    assert ctx.may("segments:write")
    assert not ctx.may("members:write")


@pytest.mark.parametrize(("change", "code"), [(changing_the_role, "auth.forbidden"), (removing, "identity.rights_gone")])
async def test_authz_08_a_right_lost_before_the_job_runs_refuses_it_for_good(
    company: Company, change: Callable[[Company, str], Awaitable[None]], code: str
) -> None:
    office = Office(company.site, f"test.errand_{change.__name__}", permission="segments:write")
    person = await company.join("marketer")
    await office.leave(await admitted(company, person.session["access_token"]))
    await change(company, user_id(person))
    await office.work()
    assert office.done == []
    assert office.refused == [f"system {code}"]
    with psycopg.connect(company.site.admin_url) as connection:
        found = connection.execute(
            "select status::text, attempts from queue.pgqueuer where entrypoint = %s", (office.kind.name,)
        ).fetchall()
    assert found == [("failed", 0)]


async def test_authz_08_a_promotion_gives_a_waiting_job_nothing_more(company: Company) -> None:
    office = Office(company.site, "test.errand_promoted")
    person = await company.join("viewer")
    await office.leave(await admitted(company, person.session["access_token"]))
    await company.ask("PATCH", f"/v1/members/{user_id(person)}", {"role": "admin"})
    await office.work()
    assert not office.done[0].may("segments:write")


async def test_authz_08_an_ended_keys_job_is_refused(company: Company) -> None:
    office = Office(company.site, "test.errand_of_key")
    made = await company.api_key()
    await office.leave(await admitted(company, made["secret"]))
    await company.ask("DELETE", f"/v1/api-keys/{made['key']['id']}")
    await office.work()
    assert (office.done, office.refused) == ([], ["system identity.rights_gone"])


async def test_authz_08_jobs_of_a_suspended_workspace_wait(company: Company) -> None:
    office = Office(company.site, "test.errand_suspended")
    tending = Office(company.site, "test.errand_tending", tends_workspace=True)
    ctx = await admitted(company, company.owner.session["access_token"])
    await office.leave(ctx)
    await tending.leave(ctx)
    await company.ask("POST", "/v1/workspace/suspend")
    await office.work()
    await tending.work()
    assert (len(office.done), office.refused, len(tending.done)) == (0, [], 1)


async def test_authz_08_what_only_completes_a_decision_runs_without_its_decider(company: Company) -> None:
    office = Office(company.site, "test.errand_completing", is_completion=True)
    person = await company.join("marketer")
    await office.leave(await admitted(company, person.session["access_token"]))
    await removing(company, user_id(person))
    await office.work()
    assert len(office.done) == 1

"""Samples of identity: second factors, passkeys, members, roles, workspaces, operators."""

from typing import Any, cast
from uuid import uuid4

import httpx2
from tests.customers import PASSWORD, visitor_at
from tests.modules.compliance.samples import Stage, sample, visit
from tests.modules.identity.mfa.authenticator import SoftwareAuthenticator
from tests.modules.identity.mfa.people import ORIGIN, Person, sign_in_with_passkey
from tests.modules.identity.workspaces.staff import Phone

from nexusone.kernel.clock import MovedClock
from nexusone.modules.identity.service.operators import add_operator

ROLE = {"name": "Interns", "permissions": ["contacts:read"]}
REASON = "the customer asked for help with an import"


def person_of(stage: Stage) -> Person:
    """The company's owner, with means to prove who they are."""
    clock = cast("MovedClock", stage.composition.runtime.clock)
    return Person(stage.app, clock, stage.client, stage.customer, stage.customer.session["refresh_token"])


def device() -> SoftwareAuthenticator:
    return SoftwareAuthenticator(origin=ORIGIN)


@sample("mfa.verify")
async def _(stage: Stage) -> httpx2.Response:
    person = person_of(stage)
    totp, _ = await person.enrol_totp()
    return await person.answer(await person.sign_in(), factor="totp", code=totp.at(person.clock.now()))


@sample("mfa.step_up")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/auth/mfa/step-up", json={"password": stage.customer.password})


@sample("mfa.confirm_totp")
async def _(stage: Stage) -> httpx2.Response:
    answers: list[httpx2.Response] = []

    async def remember(answer: httpx2.Response) -> None:
        answers.append(answer)

    stage.client.event_hooks["response"] = [remember]
    await person_of(stage).enrol_totp()
    return answers[-1]


@sample("mfa.remove_totp")
async def _(stage: Stage) -> httpx2.Response:
    await person_of(stage).enrol_totp()
    return await stage.client.delete("/v1/auth/mfa/totp")


@sample("mfa.replace_recovery_codes")
async def _(stage: Stage) -> httpx2.Response:
    await person_of(stage).enrol_totp()
    return await stage.client.post("/v1/auth/mfa/recovery-codes")


@sample("mfa.put_policy")
async def _(stage: Stage) -> httpx2.Response:
    await person_of(stage).enrol_totp()
    return await stage.client.put("/v1/auth/mfa/policy", json={"demanded_of": "everyone"})


@sample("passkeys.add_passkey")
async def _(stage: Stage) -> httpx2.Response:
    person = person_of(stage)
    ceremony = await person.ask_for_passkey()
    return await person.keep_passkey(ceremony, device().make(ceremony["options"]))


@sample("passkeys.remove_passkey")
async def _(stage: Stage) -> httpx2.Response:
    passkey = await person_of(stage).enrol_passkey(device())
    return await stage.client.delete(f"/v1/auth/mfa/passkeys/{passkey['id']}")


@sample("passkeys.sign_in")
async def _(stage: Stage) -> httpx2.Response:
    used = device()
    await person_of(stage).enrol_passkey(used)
    return await sign_in_with_passkey(stage.app, used)


async def invited(stage: Stage) -> tuple[str, str]:
    """The address and the id of an invitation."""
    address = f"{uuid4()}@example.com"
    return address, await stage.made("/v1/invitations", {"email": address, "role": "viewer"})


async def joined(stage: Stage) -> tuple[str, dict[str, str]]:
    """The id of a second member, and the headers they call with."""
    address, _ = await invited(stage)
    wanted = {"token": await stage.mailed_token(address), "name": "Grace", "password": PASSWORD}
    assert (await visit(stage, "/v1/invitations/accept", wanted)).is_success
    session = (await visit(stage, "/v1/auth/sign-in", {"email": address, "password": PASSWORD})).json()
    return str(session["user"]["id"]), {"Authorization": f"Bearer {session['access_token']}"}


@sample("members.invite")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/invitations", json={"email": f"{uuid4()}@example.com", "role": "viewer"})


@sample("members.withdraw_invitation")
async def _(stage: Stage) -> httpx2.Response:
    _, invitation = await invited(stage)
    return await stage.client.delete(f"/v1/invitations/{invitation}")


@sample("members.accept_invitation")
async def _(stage: Stage) -> httpx2.Response:
    address, _ = await invited(stage)
    wanted = {"token": await stage.mailed_token(address), "name": "Grace", "password": PASSWORD}
    return await visit(stage, "/v1/invitations/accept", wanted)


@sample("members.change_member")
async def _(stage: Stage) -> httpx2.Response:
    member, _ = await joined(stage)
    return await stage.client.patch(f"/v1/members/{member}", json={"role": "marketer"})


@sample("members.remove_member")
async def _(stage: Stage) -> httpx2.Response:
    member, _ = await joined(stage)
    return await stage.client.delete(f"/v1/members/{member}")


@sample("members.leave")
async def _(stage: Stage) -> httpx2.Response:
    _, headers = await joined(stage)
    async with visitor_at(stage.app) as member:
        return await member.post("/v1/members/leave", headers=headers)


@sample("members.offer_transfer")
async def _(stage: Stage) -> httpx2.Response:
    member, _ = await joined(stage)
    return await stage.client.post("/v1/workspace/transfer", json={"user_id": member})


@sample("members.withdraw_transfer")
async def _(stage: Stage) -> httpx2.Response:
    member, _ = await joined(stage)
    await stage.client.post("/v1/workspace/transfer", json={"user_id": member})
    return await stage.client.delete("/v1/workspace/transfer")


@sample("members.accept_transfer")
async def _(stage: Stage) -> httpx2.Response:
    member, headers = await joined(stage)
    await stage.client.post("/v1/workspace/transfer", json={"user_id": member})
    async with visitor_at(stage.app) as receiver:
        return await receiver.post("/v1/workspace/transfer/accept", headers=headers)


async def _role(stage: Stage) -> str:
    answer = await stage.client.post("/v1/roles", json=ROLE)
    return str(answer.json()["role"])


@sample("roles.create_role")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/roles", json=ROLE)


@sample("roles.change_role")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/roles/{await _role(stage)}", json={"name": "Students"})


@sample("roles.delete_role")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/roles/{await _role(stage)}")


@sample("workspaces.change_workspace")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch("/v1/workspace", json={"timezone": "Europe/Berlin"})


@sample("workspaces.switch_workspace")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/auth/switch", json={"workspace_id": str(stage.customer.workspace_id)})


@sample("workspaces.suspend_workspace")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/workspace/suspend")


@sample("workspaces.resume_workspace")
async def _(stage: Stage) -> httpx2.Response:
    await stage.client.post("/v1/workspace/suspend")
    return await stage.client.post("/v1/workspace/resume")


async def _plan_deletion(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/workspace/deletion", json={"name": stage.customer.session["workspace"]["name"]})


@sample("workspaces.plan_deletion")
async def _(stage: Stage) -> httpx2.Response:
    return await _plan_deletion(stage)


@sample("workspaces.call_off_deletion")
async def _(stage: Stage) -> httpx2.Response:
    await _plan_deletion(stage)
    return await stage.client.delete("/v1/workspace/deletion")


@sample("workspaces.order_export")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/workspace/export")


@sample("workspaces.create_agency_workspace")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/agency/workspaces", json={"name": "A client's"})


async def operator(stage: Stage) -> tuple[httpx2.Response, httpx2.Response]:
    """Both steps of an operator's sign-in."""
    address = f"{uuid4()}@operators.example"
    await add_operator(stage.composition.runtime.system(), email=address, name="Olga", password=PASSWORD)
    begun = await visit(stage, "/v1/operators/sign-in", {"email": address, "password": PASSWORD})
    code = Phone(begun.json()["enrolment"]["secret"]).code(stage.composition.runtime.clock.now())
    return begun, await visit(stage, "/v1/operators/sign-in/verify", {"attempt": begun.json()["attempt"], "code": code})


async def called_by_operator(stage: Stage, step: str, **wanted: str) -> httpx2.Response:
    """A visit in the company's workspace, and then one step of it ("" for the beginning itself)."""
    _, signed_in = await operator(stage)
    headers = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
    place = {"workspace_id": str(stage.customer.workspace_id)}
    begun = await _post_as(stage, headers, "/v1/operators/visits", {**place, "reason": REASON, "ticket": "T-1"})
    if not step:
        return begun
    return await _post_as(stage, headers, f"/v1/operators/visits/{begun.json()['visit']['id']}/{step}", {**place, **wanted})


async def _post_as(stage: Stage, headers: dict[str, str], path: str, wanted: dict[str, Any]) -> httpx2.Response:
    async with visitor_at(stage.app) as visitor:
        return await visitor.post(path, json=wanted, headers=headers)


@sample("operators.sign_in")
async def _(stage: Stage) -> httpx2.Response:
    answer, _ = await operator(stage)
    return answer


@sample("operators.verify")
async def _(stage: Stage) -> httpx2.Response:
    _, answer = await operator(stage)
    return answer


@sample("operators.begin_visit")
async def _(stage: Stage) -> httpx2.Response:
    return await called_by_operator(stage, "")


@sample("operators.renew_visit")
async def _(stage: Stage) -> httpx2.Response:
    return await called_by_operator(stage, "token")


@sample("operators.elevate_visit")
async def _(stage: Stage) -> httpx2.Response:
    return await called_by_operator(stage, "elevate", reason=REASON)


@sample("operators.end_visit")
async def _(stage: Stage) -> httpx2.Response:
    return await called_by_operator(stage, "end")

"""One valid call of every operation that changes something, by its operation id: whoever adds an operation adds its sample here."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
from pydantic_settings import BaseSettings
from starlette.types import ASGIApp
from tests.customers import PASSWORD, Customer, no_lifespan, visitor_at

from nexusone.apps.compose import Composition
from nexusone.kernel.ids import new_id
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.modules.identity.ports import SystemMail
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.modules.marketing.domain.tokens import DeliveryIds, Purpose, sign
from nexusone.modules.marketing.service.tracking_keys import signing_key

TOKEN = re.compile(r"#token=(\S+)")
TEMPLATE = {
    "name": "Sale",
    "channel": "email",
    "default_locale": "en",
    "variants": {"en": {"subject": "Sale", "mjml": "<mjml><mj-body><mj-text>Hello</mj-text></mj-body></mjml>"}},
}
SEGMENT = {"name": "Everybody", "definition": {"attribute": "plan", "op": "eq", "value": "pro"}}


class Outbox:
    """A SystemMailer that keeps what it took."""

    def __init__(self) -> None:
        self.mails: list[SystemMail] = []

    async def send(self, mail: SystemMail) -> None:
        self.mails.append(mail)


@dataclass(frozen=True, slots=True)
class Stage:
    """What samples play on: a company, its client, the process, and what its mails said."""

    customer: Customer
    composition: Composition
    app: ASGIApp
    outbox: Outbox
    admin_url: str

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.customer.client

    async def made(self, path: str, wanted: object) -> str:
        """The id of what a POST made."""
        answer = await self.client.post(path, json=wanted)
        assert answer.status_code == 201, answer.text
        found = answer.json()
        return str(found["id"] if "id" in found else found["key"]["id"])

    async def campaign(self, status: str = "draft") -> str:
        """A campaign in that state."""
        template, segment = await self.made("/v1/templates", TEMPLATE), await self.made("/v1/segments", SEGMENT)
        wanted = {
            "name": "Spring",
            "template_id": template,
            "segment_id": segment,
            "from_name": "Ada",
            "from_email": "ada@engines.example",
        }
        campaign = await self.made("/v1/campaigns", wanted)
        self.admin("update marketing.campaign set status = %s where id = %s", status, campaign)
        return campaign

    def admin(self, statement: str, *values: object) -> None:
        """Puts the world into a state."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    async def credits(self) -> None:
        """A thousand credits, at once."""
        ctx = self.composition.runtime.system(self.customer.workspace_id)
        await grant_alone(ctx, key=f"sample:{new_id()}", amount_micros=1_000_000_000, source="sign_up")

    def live(self) -> "Stage":
        """The same process as it is in live mode, where addresses are verified first."""
        runtime = self.composition.runtime
        settings: dict[type[BaseSettings], BaseSettings] = {**runtime.settings}
        settings[IdentitySettings] = IdentitySettings(requires_verification=True)
        moved = replace(self.composition, runtime=replace(runtime, settings=settings))
        return replace(self, composition=moved, app=moved.application(lifespan=no_lifespan))

    async def mailed_token(self, address: str) -> str:
        """The token of the last mail to an address."""
        await self.composition.worker(only=["identity"]).drain()
        (found,) = [TOKEN.search(mail.text) for mail in self.outbox.mails if mail.recipient == address][-1:]
        assert found is not None
        return found[1]


Sample = Callable[[Stage], Awaitable[httpx2.Response]]
SAMPLES: dict[str, Sample] = {}

READING: dict[str, str] = {
    "ai.estimate": "calculates what a generation can cost at the most",
    "graphql.graphql": "queries only; there are no mutations",
    "audience.preview_segment": "counts who would be in a segment",
    "plans.check_coupon": "calculates what a coupon would take off",
    "marketing.preflight": "counts who would get a campaign",
    "pipelines.estimate": "calculates what a run can cost at the most",
    "prompts.render_prompt": "shows what a prompt template says with values in it",
    "marketing.render_template": "shows a mail as one contact would see it",
}
"""Operations that are not GET and change nothing, and what they do instead."""


BEGINNING: dict[str, str] = {
    "mfa.enrol_totp": "mfa.confirm_totp",
    "passkeys.ask_for_new": "passkeys.add_passkey",
    "passkeys.ask_for_sign_in": "passkeys.sign_in",
    "sso.start": "sso.finish",
    "sso.step_up": "sso.finish",
}
"""Operations that only ask a question, and those that take its answer and record what comes of it."""


def sample(operation: str) -> Callable[[Sample], Sample]:
    """Registers the sample of an operation."""

    def register(made: Sample) -> Sample:
        SAMPLES[operation] = made
        return made

    return register


def visit(stage: Stage, path: str, wanted: object) -> Awaitable[httpx2.Response]:
    """A call without a credential, from an address of its own."""

    async def call() -> httpx2.Response:
        async with visitor_at(stage.app) as visitor:
            return await visitor.post(path, json=wanted)

    return call()


def signing_up(address: str) -> dict[str, str]:
    return {"email": address, "password": PASSWORD, "name": "Grace", "workspace_name": "Compilers"}


@sample("identity.sign_up")
async def _(stage: Stage) -> httpx2.Response:
    return await visit(stage, "/v1/auth/sign-up", signing_up(f"{uuid4()}@example.com"))


@sample("identity.verify")
async def _(stage: Stage) -> httpx2.Response:
    live, address = stage.live(), f"{uuid4()}@example.com"
    assert (await visit(live, "/v1/auth/sign-up", signing_up(address))).status_code == 202
    return await visit(live, "/v1/auth/verify", {"token": await live.mailed_token(address), "password": PASSWORD})


@sample("identity.sign_in")
async def _(stage: Stage) -> httpx2.Response:
    return await visit(stage, "/v1/auth/sign-in", {"email": stage.customer.email, "password": stage.customer.password})


@sample("identity.refresh")
async def _(stage: Stage) -> httpx2.Response:
    return await visit(stage, "/v1/auth/refresh", {"refresh_token": stage.customer.session["refresh_token"]})


@sample("identity.sign_out")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/auth/sign-out")


@sample("identity.end_session")
async def _(stage: Stage) -> httpx2.Response:
    sessions = (await stage.client.get("/v1/auth/sessions")).json()["items"]
    return await stage.client.delete(f"/v1/auth/sessions/{sessions[0]['id']}")


@sample("identity.end_other_sessions")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/auth/sessions/end-others")


@sample("identity.change_password")
async def _(stage: Stage) -> httpx2.Response:
    wanted = {"current_password": stage.customer.password, "new_password": "another long enough passphrase"}
    return await stage.client.post("/v1/auth/password", json=wanted)


@sample("identity.forgot_password")
async def _(stage: Stage) -> httpx2.Response:
    return await visit(stage, "/v1/auth/password/forgot", {"email": stage.customer.email})


@sample("identity.reset_password")
async def _(stage: Stage) -> httpx2.Response:
    await visit(stage, "/v1/auth/password/forgot", {"email": stage.customer.email})
    wanted = {"token": await stage.mailed_token(stage.customer.email), "password": "another long enough passphrase"}
    return await visit(stage, "/v1/auth/password/reset", wanted)


@sample("api_keys.create_api_key")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/api-keys", json={"name": "Shop", "permissions": ["contacts:read"]})


async def _key(stage: Stage) -> str:
    return await stage.made("/v1/api-keys", {"name": "Shop", "permissions": ["contacts:read"]})


@sample("api_keys.change_api_key")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/api-keys/{await _key(stage)}", json={"name": "Till"})


@sample("api_keys.rotate_api_key")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/api-keys/{await _key(stage)}/rotate", json={})


@sample("api_keys.revoke_api_key")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/api-keys/{await _key(stage)}")


@sample("audience.create_contact")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/contacts", json={"email": "ada@example.com"})


@sample("audience.put_contact")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.put("/v1/contacts/by-external-id/42", json={"email": "ada@example.com"})


@sample("audience.change_contact")
async def _(stage: Stage) -> httpx2.Response:
    contact = await stage.made("/v1/contacts", {"email": "ada@example.com"})
    return await stage.client.patch(f"/v1/contacts/{contact}", json={"first_name": "Ada"})


@sample("audience.delete_contact")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/contacts/{await stage.made('/v1/contacts', {'email': 'ada@example.com'})}")


@sample("audience.start_import")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/contacts/imports", files={"file": ("people.csv", b"email\nada@example.com\n", "text/csv")})


@sample("audience.create_segment")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/segments", json=SEGMENT)


@sample("audience.change_segment")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/segments/{await stage.made('/v1/segments', SEGMENT)}", json={"name": "All"})


@sample("audience.delete_segment")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/segments/{await stage.made('/v1/segments', SEGMENT)}")


@sample("ai.generate")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await stage.client.post("/v1/generations", json={"kind": "text", "prompt": "Announce the lamp.", "locale": "de"})


@sample("marketing.create_template")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post("/v1/templates", json=TEMPLATE)


@sample("marketing.change_template")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/templates/{await stage.made('/v1/templates', TEMPLATE)}", json={"name": "Summer"})


@sample("marketing.delete_template")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/templates/{await stage.made('/v1/templates', TEMPLATE)}")


@sample("marketing.create_campaign")
async def _(stage: Stage) -> httpx2.Response:
    template, segment = await stage.made("/v1/templates", TEMPLATE), await stage.made("/v1/segments", SEGMENT)
    wanted: dict[str, Any] = {"name": "Spring", "template_id": template, "segment_id": segment}
    return await stage.client.post("/v1/campaigns", json={**wanted, "from_name": "Ada", "from_email": "ada@engines.example"})


@sample("marketing.change_campaign")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.patch(f"/v1/campaigns/{await stage.campaign()}", json={"name": "Summer"})


@sample("marketing.delete_campaign")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.delete(f"/v1/campaigns/{await stage.campaign()}")


@sample("marketing.send")
async def _(stage: Stage) -> httpx2.Response:
    await stage.credits()
    return await _told(stage, await stage.campaign(), "send")


@sample("marketing.pause")
async def _(stage: Stage) -> httpx2.Response:
    return await _told(stage, await stage.campaign("sending"), "pause")


@sample("marketing.resume")
async def _(stage: Stage) -> httpx2.Response:
    return await _told(stage, await stage.campaign("paused"), "resume")


@sample("marketing.cancel")
async def _(stage: Stage) -> httpx2.Response:
    return await _told(stage, await stage.campaign("sending"), "cancel")


async def _told(stage: Stage, campaign: str, verb: str) -> httpx2.Response:
    return await stage.client.post(f"/v1/campaigns/{campaign}/{verb}", headers={"Idempotency-Key": str(uuid4())})


@sample("tracking.unsubscribe")
async def _(stage: Stage) -> httpx2.Response:
    contact = await stage.made("/v1/contacts", {"email": "ada@example.com"})
    message, workspace = new_id(), stage.customer.workspace_id
    stage.admin(
        "insert into marketing.delivery (workspace_id, message_id, contact_id, state, due_at) values (%s, %s, %s, 'sent', now())",
        workspace,
        message,
        contact,
    )
    ids = DeliveryIds(workspace, message, type(message)(contact))
    token = sign(ids, purpose=Purpose.UNSUBSCRIBE, key=signing_key(stage.composition.runtime.keys))
    async with visitor_at(stage.app) as visitor:
        return await visitor.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})


@sample("audience.share_segment")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/segments/{await stage.made('/v1/segments', SEGMENT)}/grants", json={"role": "analyst"})


@sample("audience.unshare_segment")
async def _(stage: Stage) -> httpx2.Response:
    path = f"/v1/segments/{await stage.made('/v1/segments', SEGMENT)}/grants"
    return await stage.client.delete(f"{path}/{await stage.made(path, {'role': 'analyst'})}")


@sample("marketing.share_campaign")
async def _(stage: Stage) -> httpx2.Response:
    return await stage.client.post(f"/v1/campaigns/{await stage.campaign()}/grants", json={"role": "analyst"})


@sample("marketing.unshare_campaign")
async def _(stage: Stage) -> httpx2.Response:
    path = f"/v1/campaigns/{await stage.campaign()}/grants"
    return await stage.client.delete(f"{path}/{await stage.made(path, {'role': 'analyst'})}")

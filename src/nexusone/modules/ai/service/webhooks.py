"""Vendors telling that something changed: nothing they say is believed, it only makes us look sooner."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from nexusone.modules.ai.contracts.generations import GenerationWork
from nexusone.modules.ai.domain.lifecycle import LOOK_JOB
from nexusone.modules.ai.ports.media import WebhookRefused
from nexusone.modules.ai.service.models import media_model
from nexusone.modules.ai.service.refusals import GenerationNotFound, WebhookNotVerified
from nexusone.modules.ai.store import generations
from nexusone.modules.ai.store.generations import GenerationRow
from nexusone.platform.audit import record
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.signing import SignatureInvalid

PURPOSE = "generation-webhook"
PATH = "/v1/webhooks/generations"


def webhook_address(ctx: Context, row: GenerationRow) -> str:
    """Where the vendor may tell of this generation: an address that nobody else can guess."""
    token = ctx.runtime.keys.signing_keys(PURPOSE).sign(f"{ctx.workspace.hex}{row.id.hex}".encode())
    return f"{ctx.setting(PlatformSettings).public_address}{PATH}/{token}"


async def receive(ctx: Context, *, token: str, headers: Mapping[str, str], body: bytes) -> None:
    """Lets the generation be looked at soon; repeated, it changes nothing.

    Raises:
        GenerationNotFound: the token is none of ours, or there is no such generation.
        WebhookNotVerified: the vendor signs what it sends, and this it did not send.
    """
    workspace_id, generation_id = _read(ctx, token)
    inside = replace(ctx.runtime.system(workspace_id), request_id=ctx.request_id)
    async with inside.transaction("ai") as tx:
        row = await generations.find(tx, workspace_id=workspace_id, generation_id=generation_id)
    if row is None or row.kind == "text":
        raise GenerationNotFound
    inside = replace(inside, is_test=row.is_test)
    model = await media_model(inside, row)
    try:
        model.verify_webhook(headers=headers, body=body, now=ctx.now())
    except WebhookRefused as refusal:
        raise WebhookNotVerified(reason=str(refusal)) from refusal
    async with inside.transaction("ai") as tx:
        await enqueue_named(tx, [(LOOK_JOB, GenerationWork(generation_id=generation_id))], key=f"{generation_id}:told")
        await record(tx, action="ai.generation.told", object_kind="generation", object_id=str(generation_id))


def _read(ctx: Context, token: str) -> tuple[UUID, UUID]:
    try:
        text = ctx.runtime.keys.signing_keys(PURPOSE).verify(token).decode()
        return UUID(text[:32]), UUID(text[32:])
    except (SignatureInvalid, ValueError) as error:
        raise GenerationNotFound from error

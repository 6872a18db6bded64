"""Steps that are done at once: judging, calling, publishing."""

import json
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any
from uuid import UUID

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.assets import AssetChange
from nexusone.modules.ai.contracts.pipeline_steps import HttpStep, ModerateStep, PublishStep
from nexusone.modules.ai.contracts.publishing import Publication, PublicationRefused
from nexusone.modules.ai.domain.answers import UNSTORABLE, plain_answer
from nexusone.modules.ai.domain.output_schema import depth_of
from nexusone.modules.ai.domain.pipeline_headers import step_headers
from nexusone.modules.ai.domain.pipeline_values import content_hash, resolved, resolved_text, work_id
from nexusone.modules.ai.ports.judging import Moderator
from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.publishing import PublishTargets
from nexusone.modules.ai.service.assets import read_asset
from nexusone.modules.ai.service.library import change_asset
from nexusone.modules.ai.service.pipeline_collecting import FLAGGED, STEP_UNKNOWN, fail, succeed
from nexusone.modules.ai.service.pipeline_secrets import open_secrets
from nexusone.modules.ai.store import pipeline_secrets, pipeline_steps
from nexusone.modules.ai.store.pipeline_runs import RunRow
from nexusone.modules.ai.store.pipeline_steps import StepRow
from nexusone.platform.addresses import AddressRefused
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.runtime import Context

NO_MODERATOR = "ai.no_moderator"
NOT_JUDGED = "ai.pipeline_not_judged"
SECRET_MISSING = "ai.pipeline_secret_missing"  # noqa: S105 - a code
HTTP_REFUSED = "ai.pipeline_http_refused"
HTTP_FAILED = "ai.pipeline_http_failed"
ADDRESS_REFUSED = "ai.pipeline_address_refused"
TARGET_MISSING = "ai.publish_target_missing"
PUBLISH_REFUSED = "ai.publish_refused"
ASSETS_MAX = 20
DEPTH_MAX = 20

Values = Mapping[str, object]


async def moderate(ctx: Context, run: RunRow, definition: ModerateStep, step: StepRow, values: Values) -> None:
    """Has it judged, whatever the deployment's own policy is."""
    texts = [] if definition.text is None else [resolved_text(definition.text, values)]
    asset_ids = [] if definition.assets is None else asset_ids_of(resolved(definition.assets, values))
    if Moderator not in ctx.runtime.ports:
        await _fail(ctx, run, definition, step, NO_MODERATOR, "no vendor that judges is connected")
        return
    if not await _note(ctx, run, step, {"texts": texts, "assets": asset_ids}):
        return
    images = []
    for asset_id in asset_ids:
        row, content = await read_asset(ctx, asset_id=asset_id)
        images.append(MediaFile(content, row.media_type))
    try:
        judgements = await ctx.port(Moderator).judge(texts=[text for text in texts if text.strip()], images=images)
    except (DefiniteFailure, UnknownOutcome) as error:
        await _fail(ctx, run, definition, step, NOT_JUDGED, error.detail)
        return
    categories = sorted({category for judgement in judgements for category in judgement.categories})
    is_flagged = any(judgement.is_flagged for judgement in judgements)
    if is_flagged and definition.on_flagged == "fail":
        await _fail(ctx, run, definition, step, FLAGGED, f"the moderator objects to: {', '.join(categories) or 'it'}")
        return
    await _succeed(ctx, run, step, {"output": {"is_flagged": is_flagged, "categories": categories}})


async def call_http(ctx: Context, run: RunRow, definition: HttpStep, step: StepRow, values: Values) -> None:
    """One call of a public address; without an answer it is not made again unless that is harmless.

    Secrets are in the call's headers and nowhere else: what is recorded of it names them. What the server answers is kept as it
    came: one that says a secret back tells it to the run's later steps and to whoever reads the run.
    """
    is_harmless = definition.method == "GET" or definition.is_repeatable
    if step.is_called and not is_harmless:
        await _fail(ctx, run, definition, step, STEP_UNKNOWN, "nobody knows whether the call was made")
        return
    url = resolved_text(definition.url, values)
    headers = step_headers(definition, values, nonce=token_hex(16))
    content = resolved(definition.body, values)
    body = None if content is None or definition.method == "GET" else json.dumps(content, ensure_ascii=False).encode()
    opened = await open_secrets(ctx, headers.names)
    if missing := [name for name in headers.names if name not in opened]:
        await _fail(ctx, run, definition, step, SECRET_MISSING, f"no secret is called {missing[0]}; nothing was called")
        return
    inputs = {"method": definition.method, "url": url, "headers": headers.told, "body": content}
    if not await _note(ctx, run, step, inputs, is_called=True, secret_names=headers.names):
        return
    key = work_id(run.id, step.step, step.item, 0, at=run.created_at)
    sent = {"Content-Type": "application/json", "Idempotency-Key": f"{key}:{content_hash(inputs).hex()[:16]}"}
    try:
        answer = await ctx.port(OutgoingHttp).request(
            definition.method, url, headers={**sent, **headers.sent(opened)}, body=body, answer_bytes_max=definition.answer_bytes_max
        )
    except AddressRefused as refused:
        await _fail(ctx, run, definition, step, ADDRESS_REFUSED, str(refused))
    except DefiniteFailure as failure:
        await _fail(ctx, run, definition, step, HTTP_FAILED, failure.detail)
    except UnknownOutcome as unknown:
        await _fail(ctx, run, definition, step, HTTP_FAILED if is_harmless else STEP_UNKNOWN, unknown.detail)
    else:
        await _take_answer(ctx, run, definition, step, answer, is_harmless=is_harmless)


async def publish_content(ctx: Context, run: RunRow, definition: PublishStep, step: StepRow, values: Values) -> None:
    """Hands the content over; the same content of the same step is one publication."""
    content = resolved(definition.content, values)
    if not await _note(ctx, run, step, content):
        return
    key = work_id(run.id, f"{step.step}:{content_hash(content).hex()}", step.item, 0, at=run.created_at)
    if definition.target == "none":
        await _succeed(ctx, run, step, {"output": content})
        return
    if definition.target == "media_library":
        await _succeed(
            ctx, run, step, {"output": await _describe(ctx, content), "asset_ids": [str(i) for i in asset_ids_of(content["assets"])]}
        )
        return
    targets = ctx.runtime.ports.get(PublishTargets)
    target = targets.by_name.get(definition.target) if isinstance(targets, PublishTargets) else None
    if target is None:
        await _fail(ctx, run, definition, step, TARGET_MISSING, f"nothing publishes to {definition.target}")
        return
    published = await target(ctx, Publication(key=key, target=definition.target, content=content))
    if isinstance(published, PublicationRefused):
        await _fail(ctx, run, definition, step, PUBLISH_REFUSED, f"{published.code}: {published.detail}")
        return
    await _succeed(ctx, run, step, {"output": published.model_dump(mode="json")})


def asset_ids_of(value: object) -> list[UUID]:
    """The assets that a template stands for: one, or a list. Raises: ValueError."""
    found = value if isinstance(value, list) else [] if value in (None, "") else [value]
    if len(found) > ASSETS_MAX:
        raise ValueError(f"at most {ASSETS_MAX} assets")
    return [UUID(str(item)) for item in found]


async def _describe(ctx: Context, content: Mapping[str, Any]) -> list[dict[str, str]]:
    told = {name: str(content[name])[:bound] for name, bound in (("name", 200), ("alt_text", 1_000)) if content.get(name)}
    described = []
    for asset_id in asset_ids_of(content["assets"]):
        asset = await change_asset(ctx, asset_id=asset_id, change=AssetChange.model_validate(told), expected_version=None)
        described.append({"id": str(asset.id), "name": asset.name, "href": f"/v1/assets/{asset.id}"})
    return described


async def _take_answer(ctx: Context, run: RunRow, definition: HttpStep, step: StepRow, answer: HttpAnswer, *, is_harmless: bool) -> None:
    if answer.status >= 500 or answer.status == 429:
        code = HTTP_FAILED if is_harmless or answer.status == 429 else STEP_UNKNOWN
        await _fail(ctx, run, definition, step, code, f"the answer has the status {answer.status}")
    elif not 200 <= answer.status < 300:
        await _fail(ctx, run, definition, step, HTTP_REFUSED, f"the answer has the status {answer.status}")
    else:
        await _succeed(ctx, run, step, {"output": {"status": answer.status, "body": _content_of(answer)}})


def _content_of(answer: HttpAnswer) -> object:
    """What came back, untrusted: JSON where it says so and can be stored, else text."""
    text = plain_answer(answer.body.decode("utf-8", "replace"))
    if "json" not in answer.headers.get("content-type", ""):
        return text
    try:
        value = json.loads(text)
        spelled = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return text
    return text if depth_of(value) > DEPTH_MAX or UNSTORABLE.search(spelled) or "\\u0000" in spelled else value


async def _note(
    ctx: Context, run: RunRow, step: StepRow, inputs: object, *, is_called: bool = False, secret_names: Sequence[str] = ()
) -> bool:
    async with ctx.transaction("ai") as tx:
        if secret_names:
            await pipeline_secrets.note_used(tx, workspace_id=ctx.workspace, names=secret_names, now=ctx.now())
        return await pipeline_steps.note_begun(
            tx,
            step,
            workspace_id=ctx.workspace,
            run_id=run.id,
            inputs_hash=content_hash(inputs),
            is_called=is_called,
            due_at=step.due_at,
        )


async def _succeed(ctx: Context, run: RunRow, step: StepRow, output: dict[str, Any]) -> None:
    async with ctx.transaction("ai") as tx:
        await succeed(tx, run, step, output, now=ctx.now())


async def _fail(
    ctx: Context, run: RunRow, definition: ModerateStep | HttpStep | PublishStep, step: StepRow, code: str, detail: str
) -> None:
    async with ctx.transaction("ai") as tx:
        await fail(tx, run, definition, step, code, detail, now=ctx.now())

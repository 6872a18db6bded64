"""Brand voices: written, changed by new versions, found for a generation."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.ai.contracts.voices import BrandVoice, BrandVoiceChange, BrandVoiceVersion, NewBrandVoice, VoiceContent
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.modules.ai.store import voices
from nexusone.modules.ai.store.voices import VoiceRow, VoiceVersionRow
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context


async def create_voice(ctx: Context, *, wanted: NewBrandVoice) -> BrandVoice:
    """Writes a voice; one that is to be the default replaces the present one."""
    now = ctx.now()
    row = VoiceRow(
        id=new_id(),
        content=wanted.model_dump(mode="json", exclude={"is_default"}),
        is_default=wanted.is_default,
        version=1,
        created_at=now,
        updated_at=now,
        created_by=ctx.principal.label,
    )
    made = _voice(row)
    async with ctx.transaction("ai") as tx:
        await voices.insert(tx, row, workspace_id=ctx.workspace)
        await _tell(tx, "created", row.id, after=_told(row))
        await conclude(tx, made)
    return made


async def find_voice(ctx: Context, *, voice_id: UUID | None) -> BrandVoice | None:
    """The named voice, or the workspace's default where none is named; None where there is none."""
    async with ctx.transaction("ai") as tx:
        if voice_id is None:
            row = await voices.find_default(tx, workspace_id=ctx.workspace)
        else:
            row = await voices.find(tx, workspace_id=ctx.workspace, voice_id=voice_id)
    return None if row is None else _voice(row)


async def get_voice(ctx: Context, *, voice_id: UUID) -> BrandVoice:
    """A voice. Raises: BrandVoiceNotFound."""
    found = await find_voice(ctx, voice_id=voice_id)
    if found is None:
        raise BrandVoiceNotFound
    return found


async def list_voices(ctx: Context, *, request: PageRequest) -> PageOf[BrandVoice]:
    """Voices, newest first."""
    after = UUID(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        rows = await voices.list_page(tx, workspace_id=ctx.workspace, after=after, limit=request.limit + 1)
    items = tuple(_voice(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(rows) > request.limit else None)


async def change_voice(ctx: Context, *, voice_id: UUID, change: BrandVoiceChange, expected_version: int | None) -> BrandVoice:
    """Makes a new version.

    Raises:
        BrandVoiceNotFound: there is none.
        PreconditionFailed: it has another version than expected.
    """
    given = change.model_dump(mode="json", exclude_none=True, exclude={"is_default"})
    async with ctx.transaction("ai") as tx:
        before = await voices.find_locked(tx, workspace_id=ctx.workspace, voice_id=voice_id)
        if before is None:
            raise BrandVoiceNotFound
        if expected_version not in (None, before.version):
            raise PreconditionFailed(version=before.version)
        after = replace(
            before,
            content={**before.content, **given},
            is_default=before.is_default if change.is_default is None else change.is_default,
            version=before.version + 1,
            updated_at=ctx.now(),
            created_by=ctx.principal.label,
        )
        await voices.update(tx, after, workspace_id=ctx.workspace)
        await _tell(tx, "changed", voice_id, before=_told(before), after=_told(after))
    return _voice(after)


async def delete_voice(ctx: Context, *, voice_id: UUID) -> None:
    """Hides a voice; its versions stay for what was made in it. Raises: BrandVoiceNotFound."""
    async with ctx.transaction("ai") as tx:
        if not await voices.delete(tx, workspace_id=ctx.workspace, voice_id=voice_id, now=ctx.now()):
            raise BrandVoiceNotFound
        await _tell(tx, "deleted", voice_id)


async def get_version(ctx: Context, *, voice_id: UUID, version: int) -> BrandVoiceVersion:
    """One version. Raises: BrandVoiceNotFound."""
    async with ctx.transaction("ai") as tx:
        row = await voices.find_version(tx, workspace_id=ctx.workspace, voice_id=voice_id, version=version)
    if row is None:
        raise BrandVoiceNotFound
    return _version(row)


async def list_versions(ctx: Context, *, voice_id: UUID, request: PageRequest) -> PageOf[BrandVoiceVersion]:
    """Versions, newest first. Raises: BrandVoiceNotFound."""
    after = int(request.after[0]) if request.after else None
    async with ctx.transaction("ai") as tx:
        if await voices.find(tx, workspace_id=ctx.workspace, voice_id=voice_id) is None:
            raise BrandVoiceNotFound
        rows = await voices.list_versions(tx, workspace_id=ctx.workspace, voice_id=voice_id, after=after, limit=request.limit + 1)
    items = tuple(_version(row) for row in rows[: request.limit])
    return PageOf(items=items, next_after=(str(items[-1].version),) if len(rows) > request.limit else None)


async def _tell(
    tx: Transaction, verb: str, voice_id: UUID, *, before: Mapping[str, object] | None = None, after: Mapping[str, object] | None = None
) -> None:
    await record(tx, action=f"ai.brand_voice.{verb}", object_kind="brand_voice", object_id=str(voice_id), before=before, after=after)


def _told(row: VoiceRow) -> dict[str, object]:
    return {"name": row.content["name"], "is_default": row.is_default, "version": row.version}


def _content(stored: Mapping[str, object]) -> dict[str, object]:
    return dict(VoiceContent.model_validate(stored))


def _voice(row: VoiceRow) -> BrandVoice:
    return BrandVoice.model_validate(
        {
            **_content(row.content),
            "id": row.id,
            "is_default": row.is_default,
            "version": row.version,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def _version(row: VoiceVersionRow) -> BrandVoiceVersion:
    return BrandVoiceVersion.model_validate(
        {**_content(row.content), "version": row.version, "created_at": row.created_at, "created_by": row.created_by}
    )

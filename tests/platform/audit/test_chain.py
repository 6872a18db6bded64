"""The chain: writers never wait for it, and whoever changes a row behind the application's back is found, at that row."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase

from nexusone.kernel.ids import new_id
from nexusone.platform.audit import record
from nexusone.platform.audit.archives import archive, drop_archives, list_archives
from nexusone.platform.audit.chain import Fault
from nexusone.platform.audit.checkpoints import CheckpointForged, checkpoint_key, list_positions, take_checkpoint, take_checkpoints
from nexusone.platform.audit.reading import TEXT
from nexusone.platform.audit.sealing import seal, seal_all
from nexusone.platform.audit.verification import Verdict, verify, verify_all
from nexusone.platform.runtime import Context


@pytest.fixture
def admin(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    """A superuser, past every wall and trigger."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        yield connection


async def write(ctx: Context, count: int) -> None:
    for number in range(count):
        async with ctx.transaction("billing") as tx:
            await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id=str(number), after={"number": number})


async def fault(ctx: Context) -> tuple[Fault, int | None] | None:
    broken = (await verify(ctx)).broken
    return (broken.fault, broken.position) if broken else None


def positions(admin: psycopg.Connection[Any], ctx: Context) -> list[int]:
    rows = admin.execute("select position from platform.audit_seal where workspace_id = %s order by 1", (ctx.workspace,)).fetchall()
    return [position for (position,) in rows]


def entry_at(admin: psycopg.Connection[Any], ctx: Context, position: int) -> UUID:
    row = admin.execute(
        "select entry_id from platform.audit_seal where workspace_id = %s and position = %s", (ctx.workspace, position)
    ).fetchone()
    assert row is not None
    return UUID(str(row[0]))


async def test_aud_03_an_untouched_chain_verifies(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 5)
    assert await verify(ctx) == Verdict(ctx.workspace, 0, None, None)
    assert await seal(ctx) == 5
    await write(ctx, 2)
    taken = await take_checkpoint(ctx)
    assert taken.position == 7
    assert await verify(ctx) == Verdict(ctx.workspace, 7, 7, None)
    assert positions(admin, ctx) == list(range(1, 8))


async def test_aud_03_an_edited_entry_is_named(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 4)
    await seal(ctx)
    admin.execute(
        "update platform.audit_entry set object_id = 'another' where workspace_id = %s and id = %s",
        (ctx.workspace, entry_at(admin, ctx, 3)),
    )
    verdict = await verify(ctx)
    assert verdict.broken is not None
    assert (verdict.broken.fault, verdict.broken.position, verdict.broken.entry_id) == ("edited", 3, entry_at(admin, ctx, 3))


async def test_aud_03_an_entry_edited_with_its_hash_is_named(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 4)
    await seal(ctx)
    place = (ctx.workspace, entry_at(admin, ctx, 2))
    admin.execute("update platform.audit_entry set result = 'refused' where workspace_id = %s and id = %s", place)
    admin.execute(
        "update platform.audit_entry as entry set content_hash = sha256(convert_to(platform.audit_text(entry), 'UTF8')) "
        "where workspace_id = %s and id = %s",
        place,
    )
    assert await fault(ctx) == ("edited", 2)
    admin.execute(
        "update platform.audit_seal as seal set entry_hash = entry.content_hash from platform.audit_entry as entry "
        "where seal.workspace_id = %s and seal.entry_id = %s and entry.id = seal.entry_id",
        place,
    )
    assert await fault(ctx) == ("out_of_order", 2)


@pytest.mark.parametrize("with_seal", [False, True])
async def test_aud_03_a_deleted_entry_is_named(ctx: Context, admin: psycopg.Connection[Any], with_seal: bool) -> None:
    await write(ctx, 4)
    await seal(ctx)
    gone = entry_at(admin, ctx, 2)
    admin.execute("delete from platform.audit_entry where workspace_id = %s and id = %s", (ctx.workspace, gone))
    if with_seal:
        admin.execute("delete from platform.audit_seal where workspace_id = %s and entry_id = %s", (ctx.workspace, gone))
    assert await fault(ctx) == ("deleted", 2)


async def test_aud_03_reordered_entries_are_named(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 5)
    await seal(ctx)
    for here, there in ((2, 100), (4, 2), (100, 4)):
        admin.execute(
            "update platform.audit_seal set position = %s where workspace_id = %s and position = %s", (there, ctx.workspace, here)
        )
    assert await fault(ctx) == ("out_of_order", 2)


@pytest.mark.parametrize("hides_head", [False, True])
async def test_aud_03_a_cut_tail_is_found_against_the_checkpoint(ctx: Context, admin: psycopg.Connection[Any], hides_head: bool) -> None:
    await write(ctx, 5)
    await take_checkpoint(ctx)
    for table in ("audit_checkpoint", "audit_pending"):
        admin.execute(f"delete from platform.{table} where workspace_id = %s", (ctx.workspace,))
    for position in (4, 5):
        place = (ctx.workspace, entry_at(admin, ctx, position))
        admin.execute("delete from platform.audit_entry where workspace_id = %s and id = %s", place)
        admin.execute("delete from platform.audit_seal where workspace_id = %s and entry_id = %s", place)
    if hides_head:
        admin.execute(
            "update platform.audit_head as head set position = 3, chain_hash = seal.chain_hash from platform.audit_seal as seal "
            "where head.workspace_id = %s and seal.workspace_id = head.workspace_id and seal.position = 3",
            (ctx.workspace,),
        )
    assert await fault(ctx) == ("truncated", 4)


async def test_aud_03_a_chain_written_anew_is_found_against_the_checkpoint(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 3)
    await take_checkpoint(ctx)
    await write(ctx, 2)
    await take_checkpoint(ctx)
    admin.execute("update platform.audit_entry set result = 'failed' where workspace_id = %s", (ctx.workspace,))
    admin.execute(
        "update platform.audit_entry as entry set content_hash = sha256(convert_to(platform.audit_text(entry), 'UTF8')) "
        "where workspace_id = %s",
        (ctx.workspace,),
    )
    for table in ("audit_seal", "audit_head", "audit_checkpoint"):
        admin.execute(f"delete from platform.{table} where workspace_id = %s", (ctx.workspace,))
    admin.execute(
        "insert into platform.audit_pending select workspace_id, id from platform.audit_entry where workspace_id = %s", (ctx.workspace,)
    )
    await seal(ctx)
    assert await fault(ctx) == ("rewritten", 3)
    with pytest.raises(CheckpointForged):
        await take_checkpoint(ctx)
    await write(ctx, 1)
    await take_checkpoint(ctx)
    assert await fault(ctx) == ("rewritten", 3)


async def test_aud_03_an_inserted_entry_is_named(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 3)
    await seal(ctx)
    planted = new_id()
    admin.execute(
        "insert into platform.audit_entry select workspace_id, %s, occurred_at, actor_kind, actor_id, impersonator_id, ip, request_id, "
        "action, object_kind, object_id, changes, result, content_hash from platform.audit_entry where workspace_id = %s and id = %s",
        (planted, ctx.workspace, entry_at(admin, ctx, 1)),
    )
    verdict = await verify(ctx)
    assert verdict.broken is not None
    assert (verdict.broken.fault, verdict.broken.entry_id) == ("inserted", planted)


async def test_aud_03_an_entry_deleted_before_its_seal_is_named(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 2)
    admin.execute("delete from platform.audit_entry where workspace_id = %s and object_id = '1'", (ctx.workspace,))
    await seal(ctx)
    assert await fault(ctx) == ("deleted", None)


async def test_aud_03_a_forged_checkpoint_is_found(ctx: Context) -> None:
    await write(ctx, 2)
    await take_checkpoint(ctx)
    await ctx.runtime.blobs.put(ctx.workspace, checkpoint_key(2), b'{"signed": "{}", "key": "x", "signature": ""}', "application/json")
    assert await fault(ctx) == ("rewritten", 2)


@pytest.mark.parametrize("role", ["m_identity", "m_billing", "m_platform", "m_system"])
@pytest.mark.parametrize(
    "statement",
    [
        "update platform.audit_entry set result = 'x'",
        "delete from platform.audit_entry",
        "truncate platform.audit_entry",
        "update platform.audit_seal set position = 1",
        "delete from platform.audit_seal",
        "delete from platform.audit_checkpoint",
    ],
)
def test_aud_03_no_role_of_the_application_changes_what_stands(database: TestDatabase, role: str, statement: str) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute(f"set role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


async def test_aud_03_nothing_leaves_that_is_not_archived(ctx: Context, database: TestDatabase) -> None:
    await write(ctx, 2)
    await seal(ctx)
    with psycopg.connect(database.url) as connection:
        connection.execute("set role m_platform")
        connection.execute("select set_config('nexusone.workspace', %s, true)", (str(ctx.workspace),))
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("select platform.leave_to_archive(%s, 2)", (ctx.workspace,))


async def test_the_database_stamps_time_and_hash_whatever_a_writer_says(ctx: Context, database: TestDatabase) -> None:
    with psycopg.connect(database.url) as connection:
        connection.execute("set role m_billing")
        connection.execute("select set_config('nexusone.workspace', %s, true)", (str(ctx.workspace),))
        connection.execute(
            "insert into platform.audit_entry values "
            "(%s, %s, '1999-01-01', 'user', null, null, null, 'r', 'a.b', 'k', 'i', '{}', 'done', '\\x00')",
            (ctx.workspace, new_id()),
        )
    with psycopg.connect(database.admin_url) as admin:
        row = admin.execute(
            "select clock_timestamp() - occurred_at, content_hash = sha256(convert_to(platform.audit_text(entry), 'UTF8')), "
            f"platform.audit_text(entry) = {TEXT.text} from platform.audit_entry as entry where workspace_id = %s",
            (ctx.workspace,),
        ).fetchone()
    assert row is not None
    assert row[0] < timedelta(minutes=1)
    assert row[1:] == (True, True)


async def test_a_writer_that_commits_late_gets_a_later_place(ctx: Context) -> None:
    written = asyncio.Event()
    meanwhile = asyncio.create_task(_write_and_seal(ctx, after=written))
    async with ctx.transaction("billing") as tx:
        await record(tx, action="trial.kettle.changed", object_kind="kettle", object_id="early")
        written.set()
        assert await asyncio.wait_for(meanwhile, 5) == 3
    assert await seal(ctx) == 1
    assert (await verify(ctx)).broken is None
    async with ctx.transaction("platform") as tx:
        cursor = await tx.connection.execute(
            "select entry.object_id from platform.audit_seal as seal join platform.audit_entry as entry on entry.id = seal.entry_id "
            "where seal.workspace_id = %s order by seal.position",
            (ctx.workspace,),
        )
        assert [row[0] for row in await cursor.fetchall()] == ["0", "1", "2", "early"]


async def _write_and_seal(ctx: Context, *, after: asyncio.Event) -> int:
    await after.wait()
    await write(ctx, 3)
    return await seal(ctx)


async def test_sealers_that_meet_seal_everything_once(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 30)
    assert sum(await asyncio.gather(*(seal(ctx) for _ in range(4)))) == 30
    assert positions(admin, ctx) == list(range(1, 31))
    assert (await verify(ctx)).broken is None


async def test_the_schedules_seal_and_sign_every_workspace(make_context: ContextMaker) -> None:
    places = [make_context() for _ in range(3)]
    for ctx in places:
        await write(ctx, 2)
    system = places[0].runtime.system()
    await seal_all(system)
    await take_checkpoints(system)
    for ctx in places:
        assert await list_positions(ctx) == [2]
    verdicts = {verdict.workspace_id: verdict async for verdict in verify_all(system)}
    assert all(verdicts[ctx.workspace] == Verdict(ctx.workspace, 2, 2, None) for ctx in places)


async def test_when_the_primary_key_changes_chains_that_rest_are_signed_anew(ctx: Context) -> None:
    await write(ctx, 2)
    await take_checkpoint(ctx)
    vault = ctx.runtime.vault
    before = vault.keys
    try:
        vault.use(before.with_key("another").with_primary("another"))
        await take_checkpoints(ctx.runtime.system())
        vault.use(vault.keys.without(before.primary_id))
        assert await verify(ctx) == Verdict(ctx.workspace, 2, 2, None)
    finally:
        vault.use(before)
        await take_checkpoints(ctx.runtime.system())


async def test_aud_07_archived_entries_leave_the_database_and_the_chain_still_verifies(
    ctx: Context, admin: psycopg.Connection[Any]
) -> None:
    await write(ctx, 6)
    _age(admin, ctx, ("0", "1", "2"), years=2)
    await seal(ctx)
    assert await archive(ctx, before=ctx.now() - timedelta(days=365)) == 3
    assert positions(admin, ctx) == [4, 5, 6]
    await write(ctx, 1)
    await take_checkpoint(ctx)
    assert await verify(ctx) == Verdict(ctx.workspace, 7, 7, None)
    (kept,) = await list_archives(ctx)
    blob = await ctx.runtime.blobs.get(ctx.workspace, kept.blob_key)
    lines = b"".join([chunk async for chunk in blob.chunks])
    await ctx.runtime.blobs.put(ctx.workspace, kept.blob_key, lines.replace(b"kettle", b"teapot", 1), "application/x-ndjson")
    assert await fault(ctx) == ("edited", 1)


async def test_aud_07_archives_past_their_time_are_dropped_and_the_rest_verifies(ctx: Context, admin: psycopg.Connection[Any]) -> None:
    await write(ctx, 6)
    _age(admin, ctx, ("0", "1"), years=8)
    _age(admin, ctx, ("2", "3"), years=2)
    assert await archive(ctx, before=ctx.now() - timedelta(days=7 * 365)) == 2
    assert await archive(ctx, before=ctx.now() - timedelta(days=365)) == 2
    assert await drop_archives(ctx, before=ctx.now() - timedelta(days=7 * 365)) == 1
    await take_checkpoint(ctx)
    assert await verify(ctx) == Verdict(ctx.workspace, 4, 6, None)
    assert positions(admin, ctx) == [5, 6]


def _age(admin: psycopg.Connection[Any], ctx: Context, objects: tuple[str, ...], *, years: int) -> None:
    admin.execute(
        "update platform.audit_entry set occurred_at = occurred_at - make_interval(years => %s) "
        "where workspace_id = %s and object_id = any(%s)",
        (years, ctx.workspace, list(objects)),
    )
    admin.execute(
        "update platform.audit_entry as entry set content_hash = sha256(convert_to(platform.audit_text(entry), 'UTF8')) "
        "where workspace_id = %s",
        (ctx.workspace,),
    )

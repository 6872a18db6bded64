"""What an entry may hold: nothing that forges a line, nothing secret, and personal values that can be erased."""

import json
from typing import Any

import psycopg
import pytest
from tests.conftest import TestDatabase

from nexusone.kernel.ids import new_id
from nexusone.platform.audit import record
from nexusone.platform.audit.checkpoints import take_checkpoint
from nexusone.platform.audit.masking import CHANGES_LENGTH_MAX, changes_between, printable
from nexusone.platform.audit.personal import ERASED, erase, opened, personal
from nexusone.platform.audit.verification import Verdict, verify
from nexusone.platform.runtime import Context

INJECTIONS = (
    'x\r\n{"action": "forged"}',
    "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "nul\x00byte",
    "lone \ud800 surrogate",
    "abc\u202efdp.exe",
    "line\u2028separator\u2029",
    "\x9b31m c1",
    "tab\tdel\x7f",
)


def stored(database: TestDatabase, ctx: Context) -> dict[str, Any]:
    with psycopg.connect(database.admin_url, row_factory=psycopg.rows.dict_row) as admin:
        found = admin.execute(
            "select * from platform.audit_entry where workspace_id = %s order by occurred_at limit 1", (ctx.workspace,)
        ).fetchone()
    assert found is not None
    return found


@pytest.mark.parametrize("text", INJECTIONS, ids=ascii)
async def test_aud_04_control_characters_are_spelled_out_everywhere(ctx: Context, database: TestDatabase, text: str) -> None:
    async with ctx.transaction("billing") as tx:
        await record(tx, action=text, object_kind=text, object_id=text, before={text: {text: [text]}}, after={"field": text})
    entry = stored(database, ctx)
    shown = [entry["action"], entry["object_id"], json.dumps(entry["changes"], ensure_ascii=False)]
    assert all(sign.isprintable() for value in shown for sign in value)
    await take_checkpoint(ctx)
    assert (await verify(ctx)).broken is None


def test_aud_04_what_is_spelled_out_stays_readable() -> None:
    assert printable("a\r\nb\x1b[31m\u202e") == "a\\x0d\\x0ab\\x1b[31m\\u202e"
    assert printable("x" * 1000) == "x" * 499 + "…"


def test_aud_01_a_change_too_long_to_keep_names_its_fields() -> None:
    changes = changes_between(None, {f"field{number}": ["y" * 400] * 10 for number in range(100)})
    assert len(json.dumps(changes)) < CHANGES_LENGTH_MAX
    assert changes["field7"] == {"after": "[too long]"}


async def test_aud_08_erasing_a_person_leaves_a_tombstone_and_a_valid_chain(ctx: Context, database: TestDatabase) -> None:
    subject = f"contact:{new_id()}"
    seal = await personal(ctx, subject=subject)
    async with ctx.transaction("audience") as tx:
        await record(
            tx,
            action="audience.contact.renamed",
            object_kind="contact",
            object_id="c1",
            before={"city": seal.seal("Zürich", field="city")},
            after={"city": seal.seal("Genève", field="city"), "tag": "vip"},
        )
    await take_checkpoint(ctx)
    changes = stored(database, ctx)["changes"]
    assert "Zürich" not in json.dumps(changes, ensure_ascii=False)
    assert (await opened(ctx, changes))["city"] == {"before": "Zürich", "after": "Genève"}
    assert await erase(ctx, subject=subject)
    assert await opened(ctx, changes) == {"city": {"before": ERASED, "after": ERASED}, "tag": {"after": "vip"}}
    assert await verify(ctx) == Verdict(ctx.workspace, 1, 1, None)
    taken = await take_checkpoint(ctx)
    assert await verify(ctx) == Verdict(ctx.workspace, taken.position, taken.position, None)


async def test_aud_08_a_key_made_again_does_not_bring_back_what_was_erased(ctx: Context, database: TestDatabase) -> None:
    subject = f"contact:{new_id()}"
    seal = await personal(ctx, subject=subject)
    async with ctx.transaction("audience") as tx:
        await record(tx, action="a.b.c", object_kind="contact", object_id="c1", after={"city": seal.seal("Bern", field="city")})
    await erase(ctx, subject=subject)
    await personal(ctx, subject=subject)
    assert await opened(ctx, stored(database, ctx)["changes"]) == {"city": {"after": ERASED}}
    assert not await erase(ctx, subject=f"contact:{new_id()}")

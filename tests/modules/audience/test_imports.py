"""Importing files of contacts: over HTTP, with every kind of bad row, and through crashes."""

import asyncio
import csv
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic_settings import BaseSettings
from tests.conftest import ContextMaker
from tests.modules.audience.companies import HEADER, Company

from nexusone.kernel.clock import Clock
from nexusone.modules.audience import api
from nexusone.modules.audience.service import import_run
from nexusone.modules.audience.settings import AudienceSettings
from nexusone.modules.audience.store.import_merge import BatchRaced
from nexusone.platform.blobs import Blob, Blobs
from nexusone.platform.runtime import Context
from nexusone.platform.sql import sql

LIST_EVENTS = sql("select payload from platform.event where workspace_id = %(workspace_id)s and name = %(name)s")


def counts(made: dict[str, Any]) -> tuple[str, int, int, int, int]:
    return made["status"], made["rows_total"], made["created"], made["updated"], made["rejected"]


def with_batches_of(ctx: Context, rows: int) -> Context:
    settings: dict[type[BaseSettings], BaseSettings] = {
        **ctx.runtime.settings,
        AudienceSettings: AudienceSettings(import_batch_rows=rows),
    }
    return replace(ctx, runtime=replace(ctx.runtime, settings=settings))


async def test_a_file_becomes_contacts_with_attributes(company: Company) -> None:
    queued = await company.queue_import(
        f"{HEADER},Plan,Lifetime Value,vip\nc1,Ada@Example.com,+442079460958,Ada,Lovelace,en_gb,europe/london,gb,pro,720.5,true\n".encode()
    )
    assert (queued["status"], queued["progress"], queued["errors_url"], queued["failure"]) == ("queued", 0, None, None)
    assert (await company.client.get(f"/v1/contacts/imports/{queued['id']}/errors")).status_code == 409
    await company.drain()
    made = await company.import_of(queued["id"])
    assert counts(made) == ("succeeded", 1, 1, 0, 0)
    assert (made["progress"], made["errors_url"]) == (100, None)
    assert made["finished_at"] is not None
    [contact] = await company.contacts()
    assert contact["email"] == "ada@example.com"
    assert contact["phone"] == "+442079460958"
    assert (contact["locale"], contact["timezone"], contact["country"]) == ("en-GB", "Europe/London", "GB")
    assert contact["attributes"] == {"plan": "pro", "lifetime_value": 720.5, "vip": True}
    assert contact["email_status"] == "subscribed"
    assert await company.errors_of(made["id"]) == ["line,code,reason"]


async def test_every_bad_row_is_rejected_with_its_line_and_every_good_one_kept(company: Company) -> None:
    lines = [
        HEADER.encode() + b",plan",
        b"1,good1@example.com,,,,,,,pro",
        b"2,not an address,,,,,,,",
        b"3,mars@example.com,,,,,Mars/Base,,",
        b"1,again@example.com,,,,,,,",
        b"5,good1@example.com,,,,,,,",
        b"6,caf\xe9@example.com,,,,,,,",
        b"7,ragged@example.com,,",
        b",,,Nobody,,,,,",
        b"9,,12,,,,,,",
        b"10,,,,,,,XX,",
        b"11,,,,,xx-yy-zz,,,",
        b'12,good2@example.com,,"Ann\nMarie",,,,,',
        b'13,good3@example.com,,"O""Neil, Sr.",,de,,,=1+1',
        b"",
        b"=cmd(),bad,,,,,,,",
    ]
    made = await company.import_csv(b"\n".join(lines) + b"\n")
    assert counts(made) == ("succeeded", 14, 2, 0, 12)
    assert made["errors_url"] == f"/v1/contacts/imports/{made['id']}/errors"
    rejected = list(csv.reader(await company.errors_of(made["id"])))
    assert rejected[0] == ["line", "code", "reason", *HEADER.split(","), "plan"]
    assert [(row[0], row[1]) for row in rejected[1:] if row[0].isdigit()] == [
        ("3", "email_invalid"),
        ("4", "timezone_unknown"),
        ("5", "repeated_in_file"),
        ("6", "repeated_in_file"),
        ("7", "encoding_broken"),
        ("8", "columns_ragged"),
        ("9", "identifier_missing"),
        ("10", "phone_needs_country"),
        ("11", "country_unknown"),
        ("12", "locale_invalid"),
        ("13", "not_printable"),
        ("17", "email_invalid"),
    ]
    assert rejected[3][2].endswith("the same as on line 2")
    assert rejected[-1][3] == "'=cmd()"
    assert [contact["external_id"] for contact in await company.contacts()] == ["1", "13"]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffexternal_id,email\n1,a@example.com\n2,b@example.com\n",
        "external_id;email\r\n1;a@example.com\r\n2;b@example.com\r\n",
        "External ID\tE-Mail\n1\ta@example.com\n2\tb@example.com",
    ],
    ids=["byte order mark", "semicolons and Windows line ends", "tabs and no last line end"],
)
async def test_files_of_other_programs_are_read(company: Company, content: str) -> None:
    made = await company.import_csv(content.encode(), mapping='{"E-Mail": "email"}' if "E-Mail" in content else None)
    assert counts(made) == ("succeeded", 2, 2, 0, 0)
    assert [contact["email"] for contact in await company.contacts()] == ["a@example.com", "b@example.com"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "file_empty"), (b"name,plan\nx,y\n", "identifier_column_missing"), (b"\xff\xfee\x00", "encoding_not_utf8")],
)
async def test_a_file_that_cannot_be_read_fails_with_its_reason(company: Company, content: bytes, code: str) -> None:
    made = await company.import_csv(content)
    assert counts(made) == ("failed", 0, 0, 0, 0)
    assert made["failure"]["code"] == code
    assert made["failure"]["detail"]


async def test_a_mapping_renames_and_leaves_out_columns(company: Company) -> None:
    mapping = '{"Kunde": "external_id", "Tarif": "attributes.plan", "Notizen": null}'
    made = await company.import_csv(["Kunde,Tarif,Notizen", "1,pro,secret"], mapping=mapping)
    assert counts(made) == ("succeeded", 1, 1, 0, 0)
    [contact] = await company.contacts()
    assert (contact["external_id"], contact["attributes"]) == ("1", {"plan": "pro"})


async def test_what_is_no_upload_is_refused(company: Company) -> None:
    files = {"file": ("a.csv", b"email\n", "text/csv")}
    assert (await company.client.post("/v1/contacts/imports", json={"file": "x"})).status_code == 415
    for mapping in ("nonsense", "[]", '{"a": 1}'):
        answer = await company.client.post("/v1/contacts/imports", files=files, data={"mapping": mapping})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == "/mapping"


async def test_rows_update_the_contacts_they_belong_to_and_blanks_leave_what_is_there(company: Company) -> None:
    first = await company.add(external_id="1", email="a@example.com", first_name="Ada", attributes={"plan": "pro", "n": 1})
    second = await company.add(email="b@example.com", first_name="Bob")
    third = await company.add(phone="+4930123456")
    made = await company.import_csv(
        [
            "external_id,email,phone,first_name,n,plan",
            "1,new@example.com,,,2,",
            "2,B@example.com,,Robert,,  ",
            ",c@example.com,+4930123456,Cat,,",
            "4,d@example.com,,,,",
        ]
    )
    assert counts(made) == ("succeeded", 4, 1, 3, 0)
    contacts = {contact["id"]: contact for contact in await company.contacts()}
    assert len(contacts) == 4
    updated = contacts[first["id"]]
    assert (updated["email"], updated["first_name"], updated["attributes"]) == ("new@example.com", "Ada", {"plan": "pro", "n": 2})
    assert updated["version"] == 2
    assert (contacts[second["id"]]["external_id"], contacts[second["id"]]["first_name"]) == ("2", "Robert")
    assert contacts[third["id"]]["email"] == "c@example.com"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("1,b@example.com,", "email"),
        ("1,,+4930123456", "phone"),
        ("3,b@example.com,", "email"),
        ("3,,+4930123456", "phone"),
        (",c@example.com,+4930123456", "phone"),
        (",a@example.com,+4930123456", "phone"),
    ],
)
async def test_a_row_with_an_identifier_of_another_contact_is_rejected(company: Company, row: str, field: str) -> None:
    await company.add(external_id="1", email="a@example.com")
    await company.add(external_id="2", email="b@example.com", phone="+4930123456")
    before = await company.contacts()
    made = await company.import_csv(["external_id,email,phone", row])
    assert counts(made) == ("succeeded", 1, 0, 0, 1)
    rejected = list(csv.reader(await company.errors_of(made["id"])))[1]
    assert rejected[:3] == ["2", "identifier_taken", f"{field}: another contact has it"]
    assert await company.contacts() == before


async def test_two_rows_for_one_contact_by_different_identifiers_are_a_repetition(company: Company) -> None:
    await company.add(external_id="1", email="a@example.com")
    made = await company.import_csv(["external_id,email,first_name", "1,,Ada", ",a@example.com,Eve"])
    assert counts(made) == ("succeeded", 2, 0, 1, 1)
    assert (await company.contacts())[0]["first_name"] == "Ada"
    assert "the same as on line 2" in (await company.errors_of(made["id"]))[1]


async def test_repetitions_are_found_across_batches(company: Company, make_context: ContextMaker) -> None:
    ctx = with_batches_of(make_context(workspace_id=UUID(company.workspace_id)), 2)
    lines = ["external_id,email", "1,a@example.com", "2,b@example.com", "3,c@example.com", "4,d@example.com", "5,a@example.com", "2,"]
    queued = await company.queue_import("\n".join(lines).encode())
    await import_run.run_import(ctx, import_id=UUID(queued["id"]))
    made = await company.import_of(queued["id"])
    assert counts(made) == ("succeeded", 6, 4, 0, 2)
    assert [line.split(",", 3)[:3] for line in (await company.errors_of(made["id"]))[1:]] == [
        ["6", "repeated_in_file", "email: the same as on line 2"],
        ["7", "repeated_in_file", "external_id: the same as on line 3"],
    ]


async def test_attributes_may_not_outgrow_their_limit_by_merging(company: Company) -> None:
    await company.add(external_id="1", attributes={f"a{number}": number for number in range(60)})
    await company.add(external_id="2", attributes={"long": "x" * 5000})
    names = [f"b{number}" for number in range(60)]
    made = await company.import_csv(
        [f"external_id,{','.join(names)}", f"1,{','.join(['1'] * 60)}", f"2,{'y' * 5000}{',' * 59}", f"3,{','.join(['1'] * 60)}"]
    )
    assert counts(made) == ("succeeded", 3, 1, 0, 2)
    assert [line.split(",")[1] for line in (await company.errors_of(made["id"]))[1:]] == ["too_many", "too_large"]


async def test_an_import_does_not_resubscribe(company: Company, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=UUID(company.workspace_id))
    made = await company.add(email="a@example.com")
    await api.record_unsubscribe(ctx, contact_id=UUID(made["id"]), channel="email", source="link", reason=None)
    file = ["external_id,email", "1,a@example.com", "2,b@example.com"]
    assert counts(await company.import_csv(file)) == ("succeeded", 2, 1, 1, 0)
    assert [contact["email_status"] for contact in await company.contacts()] == ["unsubscribed", "subscribed"]
    await company.client.delete(f"/v1/contacts/{made['id']}")
    assert counts(await company.import_csv(file)) == ("succeeded", 2, 1, 1, 0)
    assert [contact["email_status"] for contact in await company.contacts(email="a@example.com")] == ["unsubscribed"]
    moved = await company.import_csv(["external_id,email", "2,c@example.com", "1,d@example.com"])
    assert counts(moved) == ("succeeded", 2, 0, 2, 0)
    assert {contact["email_status"] for contact in await company.contacts()} == {"subscribed"}


async def test_another_workspaces_import_is_not_there(company: Company, stranger: Company) -> None:
    made = await company.import_csv(["email", "a@example.com", "bad"])
    for import_id in (made["id"], str(uuid4())):
        for path in (f"/v1/contacts/imports/{import_id}", f"/v1/contacts/imports/{import_id}/errors"):
            answer = await stranger.client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "audience.import_not_found")
    assert await stranger.contacts() == []
    assert (await stranger.client.get("/v1/contacts/imports")).json()["items"] == []
    assert (await company.client.get("/v1/contacts/imports")).json()["items"] == [made]


async def test_a_job_that_comes_twice_changes_nothing_the_second_time(company: Company, make_context: ContextMaker) -> None:
    ctx = make_context(workspace_id=UUID(company.workspace_id))
    made = await company.import_csv(["email,first_name", "a@example.com,Ada", "bad,Bob"])
    contacts = await company.contacts()
    await import_run.run_import(ctx, import_id=UUID(made["id"]))
    assert await company.import_of(made["id"]) == made
    assert await company.contacts() == contacts
    async with ctx.transaction("platform") as tx:
        rows = await tx.fetch_tuples(LIST_EVENTS, {"workspace_id": ctx.workspace, "name": "audience.import.finished.v1"})
    assert [payload["import_id"] for (payload,) in rows] == [made["id"]]


class _BreakingClock:
    """A clock that fails when it is asked for the n-th time."""

    def __init__(self, times: int) -> None:
        self._times = times

    def now(self) -> datetime:
        self._times -= 1
        if self._times < 0:
            raise ConnectionError("the worker died")
        return datetime.now(UTC)


class _BreakingBlobs(Blobs):
    """A blob store that breaks off after some bytes of a file."""

    def __init__(self, whole: Blobs, bytes_max: int) -> None:
        super().__init__(whole._store)
        self._bytes_max = bytes_max

    async def get(self, workspace_id: UUID, key: str, *, first_byte: int = 0, end_byte: int | None = None) -> Blob:
        blob = await super().get(workspace_id, key, first_byte=first_byte, end_byte=end_byte)
        return replace(blob, chunks=self._broken(blob.chunks))

    async def _broken(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = self._bytes_max
        async for chunk in chunks:
            for start in range(0, len(chunk), 500):
                left -= 500
                if left < 0:
                    raise ConnectionError("the store is gone")
                yield chunk[start : start + 500]


async def test_after_a_crash_an_import_goes_on_where_it_was(company: Company, make_context: ContextMaker) -> None:
    workspace_id = UUID(company.workspace_id)
    lines = ["external_id,email,first_name"]
    for number in range(200):
        email = "bad" if number % 10 == 3 else f"c{number % 190}@example.com"
        lines.append(f"{number},{email},N{number}")
    queued = await company.queue_import("\n".join(lines).encode())
    import_id = UUID(queued["id"])
    rows_seen = []
    clocks: list[Clock] = [_BreakingClock(times) for times in (1, 2, 0, 3)]
    for clock in clocks:
        with pytest.raises(ConnectionError):
            await import_run.run_import(with_batches_of(make_context(workspace_id=workspace_id, clock=clock), 20), import_id=import_id)
        running = await company.import_of(queued["id"])
        assert running["status"] == "running"
        assert running["created"] == len(await company.contacts(limit="100")) or running["created"] > 100
        rows_seen.append(running["rows_total"])
    assert rows_seen == [20, 60, 60, 120]
    ctx = with_batches_of(make_context(workspace_id=workspace_id), 7)
    broken = replace(ctx, runtime=replace(ctx.runtime, blobs=_BreakingBlobs(ctx.runtime.blobs, 3500)))
    with pytest.raises(ConnectionError):
        await import_run.run_import(broken, import_id=import_id)
    assert 120 < (await company.import_of(queued["id"]))["rows_total"] < 200
    await company.drain()
    made = await company.import_of(queued["id"])
    assert counts(made) == ("succeeded", 200, 171, 0, 29)
    rejected = [int(line.split(",")[0]) for line in (await company.errors_of(made["id"]))[1:]]
    assert rejected == sorted({number + 2 for number in range(200) if number % 10 == 3} | set(range(192, 202)))


async def test_two_workers_on_one_import_count_every_row_once(company: Company, make_context: ContextMaker) -> None:
    ctx = with_batches_of(make_context(workspace_id=UUID(company.workspace_id)), 10)
    lines = ["email", *(f"c{number}@example.com" if number % 7 else "bad" for number in range(100))]
    queued = await company.queue_import("\n".join(lines).encode())
    await asyncio.gather(*(import_run.run_import(ctx, import_id=UUID(queued["id"])) for _ in range(2)))
    made = await company.import_of(queued["id"])
    assert counts(made) == ("succeeded", 100, 85, 0, 15)
    assert len(await company.errors_of(made["id"])) == 16


async def test_two_files_with_the_same_people_at_once_end_with_everybody_once(company: Company, make_context: ContextMaker) -> None:
    ctx = with_batches_of(make_context(workspace_id=UUID(company.workspace_id)), 5)
    people = [f"{number},c{number}@example.com" for number in range(60)]
    queued = [
        await company.queue_import("\n".join(["external_id,email", *lines]).encode()) for lines in (people, people[30:] + people[:30])
    ]

    async def run(import_id: str) -> None:
        for _ in range(20):
            try:
                return await import_run.run_import(ctx, import_id=UUID(import_id))
            except BatchRaced:
                continue
        raise AssertionError("it was outrun twenty times")

    await asyncio.gather(*(run(each["id"]) for each in queued))
    made = [await company.import_of(each["id"]) for each in queued]
    assert [(each["status"], each["rows_total"], each["rejected"]) for each in made] == [("succeeded", 60, 0)] * 2
    assert sum(each["created"] for each in made) == sum(each["updated"] for each in made) == 60
    assert len(await company.contacts()) == 60


async def test_a_long_file_is_imported_in_flat_memory(company: Company, tmp_path: Path) -> None:
    def write(rows: int) -> Path:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write(f"{HEADER},plan,note\n")
            for number in range(rows):
                file.write(f"x{number},c{number}@example.com,,First,Last,en,Europe/Berlin,DE,pro,{'lorem ipsum ' * 10}\n")
        return path

    peaks: list[int] = []
    # Both have batches enough that one is merged while the next is read, and the one after waits.
    for rows in (15_000, 45_000):
        with write(rows).open("rb") as file:
            answer = await company.client.post("/v1/contacts/imports", files={"file": ("contacts.csv", file, "text/csv")})
        tracemalloc.start()
        await company.drain()
        made = await company.import_of(answer.json()["id"])
        assert counts(made) == ("succeeded", rows, rows - len(peaks) * 15_000, len(peaks) * 15_000, 0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]

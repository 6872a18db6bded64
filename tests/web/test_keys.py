"""Idempotency keys over HTTP: one effect for one key, and the first answer again for whoever repeats it."""

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest
from tests.conftest import TestDatabase
from tests.customers import Customer
from tests.web.probe import Probe

from nexusone.kernel.errors import Conflict
from nexusone.kernel.outcomes import UnknownOutcome

EFFECTS = "/v1/probe/effects"


def effects_of(customer: Customer, database: TestDatabase) -> int:
    with psycopg.connect(database.admin_url) as admin:
        found = admin.execute(
            "select count(*) from platform.event where workspace_id = %s and name = 'trial.door.probed.v1'", (customer.workspace_id,)
        ).fetchone()
    return int(found[0]) if found else -1


async def post(customer: Customer, key: str | None, body: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
    given = {"Idempotency-Key": key} if key is not None else {}
    return await customer.client.post(EFFECTS, json=body or {"name": "a"}, headers={**given, **headers})


async def test_where_a_key_is_required_its_absence_is_refused(knocker: Customer, database: TestDatabase) -> None:
    answer = await post(knocker, None)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")
    assert effects_of(knocker, database) == 0


@pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "tab\tin it"])
async def test_what_is_no_key_is_refused(knocker: Customer, key: str, database: TestDatabase) -> None:
    assert (await post(knocker, key)).status_code == 400
    assert effects_of(knocker, database) == 0


async def test_two_keys_are_refused(knocker: Customer) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = await knocker.client.post(EFFECTS, json={"name": "a"}, headers=headers)
    assert answer.status_code == 400


async def test_a_repeated_request_gets_the_first_answer_and_has_no_second_effect(knocker: Customer, database: TestDatabase) -> None:
    first = await post(knocker, "key-1")
    again = await post(knocker, "key-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert "RateLimit" in again.headers
    assert effects_of(knocker, database) == 1


async def test_a_quoted_key_is_the_same_key(knocker: Customer, database: TestDatabase) -> None:
    await post(knocker, '"key-1"')
    assert (await post(knocker, "key-1")).headers["idempotent-replayed"] == "true"
    assert effects_of(knocker, database) == 1


async def test_another_body_or_query_under_the_same_key_is_refused(knocker: Customer, database: TestDatabase) -> None:
    await post(knocker, "key-1")
    answer = await post(knocker, "key-1", {"name": "b"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_reused")
    assert effects_of(knocker, database) == 1


async def test_while_the_first_request_runs_the_second_is_in_flight(knocker: Customer, probe: Probe, database: TestDatabase) -> None:
    probe.wait.clear()
    first = asyncio.create_task(post(knocker, "key-1"))
    await probe.arrived.wait()
    second = await post(knocker, "key-1")
    assert (second.status_code, second.json()["code"]) == (409, "idempotency.in_flight")
    assert "Retry-After" in second.headers
    probe.wait.set()
    assert (await first).status_code == 201
    assert effects_of(knocker, database) == 1


async def test_fifty_at_once_have_one_effect(knocker: Customer, database: TestDatabase) -> None:
    answers = await asyncio.gather(*(post(knocker, "key-1") for _ in range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert effects_of(knocker, database) == 1


async def test_other_principals_have_keys_of_their_own(knocker: Customer, database: TestDatabase) -> None:
    await post(knocker, "key-1")
    machine = await knocker.api_key("contacts:write")
    answer = await post(knocker, "key-1", Authorization=f"Bearer {machine}")
    assert "idempotent-replayed" not in answer.headers
    assert effects_of(knocker, database) == 2


async def test_a_refusal_is_not_stored(knocker: Customer, probe: Probe, database: TestDatabase) -> None:
    probe.fails_with = Conflict(reason="not yet")
    assert (await post(knocker, "key-1")).status_code == 409
    probe.fails_with = None
    assert (await post(knocker, "key-1")).status_code == 201
    assert effects_of(knocker, database) == 1


async def test_faulty_input_is_not_stored(knocker: Customer, database: TestDatabase) -> None:
    assert (await post(knocker, "key-1", {"name": ""})).status_code == 422
    assert (await post(knocker, "key-1")).status_code == 201
    assert effects_of(knocker, database) == 1


async def test_a_fault_before_the_effect_frees_the_key(knocker: Customer, probe: Probe, database: TestDatabase) -> None:
    probe.fails_with = ZeroDivisionError()
    assert (await post(knocker, "key-1")).status_code == 500
    probe.fails_with = None
    assert (await post(knocker, "key-1")).status_code == 201
    assert effects_of(knocker, database) == 1


@pytest.mark.parametrize("fault", [ZeroDivisionError(), UnknownOutcome(detail="lost"), Conflict(reason="late")])
async def test_a_fault_after_the_effect_is_replayed_as_the_success_it_was(
    knocker: Customer, probe: Probe, database: TestDatabase, fault: Exception
) -> None:
    probe.fails_after_the_effect = fault
    assert (await post(knocker, "key-1")).status_code >= 400
    probe.fails_after_the_effect = None
    again = await post(knocker, "key-1")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert effects_of(knocker, database) == 1


async def test_where_a_key_is_optional_none_is_needed(knocker: Customer) -> None:
    wanted = {"name": "a"}
    answers = [await knocker.client.post("/v1/probe/knocks", json=wanted) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 2
    keyed = [await knocker.client.post("/v1/probe/knocks", json=wanted, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert len({answer.json()["id"] for answer in keyed}) == 1


async def test_another_wish_how_to_be_answered_under_the_same_key_is_refused(knocker: Customer, database: TestDatabase) -> None:
    assert (await post(knocker, "wish")).status_code == 201
    answer = await post(knocker, "wish", Prefer="respond-async")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_reused")
    assert effects_of(knocker, database) == 1

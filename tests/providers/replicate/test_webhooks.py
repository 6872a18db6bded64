"""Webhooks as the vendor sends them: signed, twice, out of order, never believed beyond their signature."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from tests.providers.conformance.payment_desk import Ear, listening
from tests.providers.replicate.contract import hold_prediction
from tests.providers.replicate.studio import ReplicateStudio, model_at, opened

from nexusone.modules.ai.ports.media import Finished, WebhookRefused
from nexusone.providers.replicate.inputs import MARK
from nexusone.providers.replicate.simulator import SIGNING_SECRET


@dataclass(frozen=True, slots=True)
class Hearing:
    studio: ReplicateStudio
    ear: Ear
    address: str

    async def begin(self) -> str:
        return (await self.studio.model.begin(self.studio.request(), correlation=str(uuid4()), webhook=self.address)).reference


@pytest.fixture
async def hearing() -> AsyncIterator[Hearing]:
    async with listening() as (ear, address), opened() as studio:
        yield Hearing(studio, ear, address)


async def test_one_webhook_says_that_it_is_completed(hearing: Hearing) -> None:
    reference = await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    [heard] = await hearing.ear.at_least(1)
    hearing.studio.model.verify_webhook(headers=heard.headers, body=heard.body, now=datetime.now(UTC))
    told = json.loads(heard.body)
    hold_prediction(told)
    assert (told["id"], told["status"]) == (reference, "succeeded")
    assert isinstance(await hearing.studio.model.look_up(reference), Finished)


async def test_copies_have_one_id_and_all_are_signed(hearing: Hearing) -> None:
    await hearing.studio.put("/_webhooks", {"copies": 3, "order": "shuffled"})
    await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    heard = await hearing.ear.at_least(3)
    for one in heard:
        hearing.studio.model.verify_webhook(headers=one.headers, body=one.body, now=datetime.now(UTC))
    assert len({one.headers["webhook-id"] for one in heard}) == 1


async def test_held_ones_come_last_first(hearing: Hearing) -> None:
    await hearing.studio.put("/_webhooks", {"order": "held"})
    references = []
    for _ in range(3):
        references.append(await hearing.begin())
        await hearing.studio.post("/_webhooks/settled")
    assert hearing.ear.heard == []
    await hearing.studio.post("/_webhooks/release")
    heard = await hearing.ear.at_least(3)
    assert {json.loads(one.body)["id"] for one in heard} == set(references)


async def test_a_failure_and_a_cancellation_are_told_as_well(hearing: Hearing) -> None:
    await hearing.studio.spoil("job_failure")
    await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    await hearing.studio.put("/_pace", {"milliseconds": 60_000})
    await hearing.studio.model.cancel(await hearing.begin())
    await hearing.studio.post("/_webhooks/settled")
    heard = await hearing.ear.at_least(2)
    assert [json.loads(one.body)["status"] for one in heard] == ["failed", "aborted"]


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp", "webhook-signature", "late"])
async def test_what_was_changed_or_is_old_is_refused(hearing: Hearing, change: str) -> None:
    await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    [heard] = await hearing.ear.at_least(1)
    headers, body, now = dict(heard.headers), heard.body, datetime.now(UTC)
    match change:
        case "body":
            body += b" "
        case "late":
            now += timedelta(minutes=6)
        case "webhook-timestamp":
            headers[change] = str(int(headers[change]) + 1)
        case header:
            headers[header] = headers[header][:-2] + "AA"
    with pytest.raises(WebhookRefused):
        hearing.studio.model.verify_webhook(headers=headers, body=body, now=now)


async def test_our_mark_is_in_the_address_that_is_called(hearing: Hearing) -> None:
    correlation = str(uuid4())
    await hearing.studio.model.begin(hearing.studio.request(), correlation=correlation, webhook=f"{hearing.address}?token=x")
    asked = next(json.loads(one.asked) for one in hearing.studio.recorder.exchanges if one.path.endswith("/flux-schnell/predictions"))
    assert asked["webhook"] == f"{hearing.address}?token=x&{MARK}={correlation}"
    assert asked["webhook_events_filter"] == ["completed"]


async def test_a_process_that_began_nothing_asks_for_the_secret_and_takes_the_next_copy(hearing: Hearing) -> None:
    await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    [heard] = await hearing.ear.at_least(1)
    other, now = model_at(hearing.studio.address), datetime.now(UTC)
    with pytest.raises(WebhookRefused, match="not known yet"):
        other.verify_webhook(headers=heard.headers, body=heard.body, now=now)
    async with asyncio.timeout(5):
        while True:
            try:
                other.verify_webhook(headers=heard.headers, body=heard.body, now=now)
                break
            except WebhookRefused:
                await asyncio.sleep(0.01)
    await other.close()


async def test_a_secret_that_was_given_is_never_asked_for(hearing: Hearing) -> None:
    model = model_at(hearing.studio.address, webhook_secret=SIGNING_SECRET)
    await model.begin(hearing.studio.request(), correlation=str(uuid4()), webhook=hearing.address)
    await hearing.studio.post("/_webhooks/settled")
    [heard] = await hearing.ear.at_least(1)
    model.verify_webhook(headers=heard.headers, body=heard.body, now=datetime.now(UTC))
    with pytest.raises(WebhookRefused):
        model.verify_webhook(headers={}, body=b"", now=datetime.now(UTC))
    await model.close()
    assert not any(one.path.endswith("/secret") for one in hearing.studio.recorder.exchanges)


async def test_bad_signatures_make_one_call_to_the_vendor_not_many(hearing: Hearing) -> None:
    now = datetime.now(UTC)
    for second in range(200):
        with pytest.raises(WebhookRefused):
            hearing.studio.model.verify_webhook(headers={}, body=b"", now=now + timedelta(seconds=second))
        await asyncio.sleep(0)
    await hearing.studio.model.begin(hearing.studio.request(), correlation=str(uuid4()), webhook=None)
    assert sum(one.path.endswith("/secret") for one in hearing.studio.recorder.exchanges) == 1


async def test_that_the_secret_cannot_be_had_is_no_reason_not_to_draw(hearing: Hearing) -> None:
    await hearing.studio.spoil_calls("server_error", "/secret")
    reference = await hearing.begin()
    await hearing.studio.post("/_webhooks/settled")
    assert isinstance(await hearing.studio.model.look_up(reference), Finished)


async def test_nothing_simulated_leaves_the_machine(hearing: Hearing) -> None:
    await hearing.studio.model.begin(hearing.studio.request(), correlation=str(uuid4()), webhook="https://example.com/hook")
    async with asyncio.timeout(2):
        await hearing.studio.post("/_webhooks/settled")

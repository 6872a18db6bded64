"""What vendors tell: verified before it is read, written down once, in any order to the same end."""

import asyncio
import hmac
import json
import time
from hashlib import sha256

import httpx2
import psycopg
import pytest
from starlette.types import ASGIApp
from tests.conftest import TestDatabase
from tests.customers import visitor_at
from tests.modules.billing.payments.shops import Shop

from nexusone.kernel.ids import new_id
from nexusone.providers.stripe.webhooks import check_signature, signature

SECRET = "whsec_sandbox"
HEADERS = [
    "",
    "t=",
    "t=1",
    "v1=00",
    "t=x,v1=00",
    "t=1,t=2,v1=00",
    ",,,",
    "t=99999999999999999999,v1=aa",
    "t=-1,v1=aa",
    "v1,t",
    "=",
    "t=1;v1=2",
    "t=١,v1=aa",
]


def signed(body: bytes, *, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
    """A header as the vendor writes it."""
    when = int(time.time()) if at is None else at
    return {"Stripe-Signature": f"t={when},v0=ff,v1={'0' * 64},v1={signature(body, secret=secret, at=when)}"}


def event(kind: str = "payment_intent.succeeded", *, subject: str = "pi_unknown", event_id: str | None = None) -> bytes:
    """An event about a payment."""
    about = {"object": "payment_intent", "id": subject}
    return json.dumps({"id": event_id or f"evt_{new_id().hex}", "object": "event", "type": kind, "data": {"object": about}}).encode()


async def posted(app: ASGIApp, body: bytes, headers: dict[str, str], *, endpoint: str = "stripe") -> httpx2.Response:
    async with visitor_at(app) as visitor:
        return await visitor.post(f"/v1/webhooks/in/{endpoint}", content=body, headers=headers)


def rows(database: TestDatabase, event_id: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.admin_url) as connection:
        return connection.execute("select outcome from billing.webhook_event where event_id = %s", (event_id,)).fetchall()


@pytest.mark.parametrize("header", HEADERS)
async def test_whk_03_malformed_headers_are_refused_and_never_a_fault(application: ASGIApp, header: str) -> None:
    sent = {"Stripe-Signature": header} if header.isascii() else {}
    answer = await posted(application, event(), sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "billing.webhook_not_verified")


@pytest.mark.parametrize("shift", [-301, 301])
async def test_whk_03_old_and_future_signatures_are_refused(application: ASGIApp, shift: int) -> None:
    body = event()
    assert (await posted(application, body, signed(body, at=int(time.time()) + shift))).status_code == 400


async def test_whk_03_a_changed_body_or_another_secret_is_refused(application: ASGIApp) -> None:
    body = event()
    assert (await posted(application, body + b" ", signed(body))).status_code == 400
    assert (await posted(application, body, signed(body, secret="whsec_other"))).status_code == 400


def test_whk_03_the_signature_is_the_published_one() -> None:
    made = hmac.new(SECRET.encode(), b"1700000000." + b"{}", sha256).hexdigest()
    assert signature(b"{}", secret=SECRET, at=1_700_000_000) == made
    assert callable(check_signature)


async def test_whk_03_signed_garbage_is_refused_too(application: ASGIApp) -> None:
    for body in (b"", b"[]", b"{}", b'{"id":1,"type":2,"data":{"object":{}}}', b'{"id":"e","type":"t","data":null}', b"\xff", b"[" * 5000):
        assert (await posted(application, body, signed(body))).status_code == 400, body[:20]


async def test_a_body_over_the_limit_and_an_unknown_endpoint_are_refused(application: ASGIApp) -> None:
    body = b" " * (256 * 1024 + 1)
    assert (await posted(application, body, signed(body))).status_code == 413
    assert (await posted(application, event(), signed(event()), endpoint="nobody")).status_code == 404


async def test_whk_04_fifty_deliveries_at_once_are_one_row(application: ASGIApp, database: TestDatabase) -> None:
    body = event("customer.updated", event_id=(event_id := f"evt_{new_id().hex}"))
    answers = await asyncio.gather(*(posted(application, body, signed(body)) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(rows(database, event_id)) == 1


async def test_whk_06_unknown_kinds_are_taken_and_an_unknown_payment_waits(
    application: ASGIApp, database: TestDatabase, shop: Shop
) -> None:
    known = json.dumps(
        {"id": (odd := f"evt_{new_id().hex}"), "object": "event", "type": "moon.rose", "data": {"object": {"id": "m"}}}
    ).encode()
    waiting = event(event_id=(later := f"evt_{new_id().hex}"))
    for body in (known, waiting):
        assert (await posted(application, body, signed(body))).status_code == 200
    await shop.work()
    assert rows(database, odd) == [("ignored",)]
    assert rows(database, later) == [(None,)]

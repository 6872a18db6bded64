"""Signatures of webhooks, by the scheme's published vectors."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.platform.webhook_signatures import SignatureRefused, sign_standard, verify_standard

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "standard_webhooks_vectors.json"
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, really").decode()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
BODY = b'{"id": "one"}'


@pytest.fixture
def vector() -> Any:
    if not VECTORS.exists():
        pytest.skip(f"the vectors are not at shared/vectors/{VECTORS.name}")
    return json.loads(VECTORS.read_text(encoding="utf-8"))["symmetric_v1"]


def headers_now() -> dict[str, str]:
    return sign_standard(secret=SECRET, message_id="msg_1", at=NOW, body=BODY)


def is_accepted(headers: dict[str, str], *, secret: str = SECRET, body: bytes = BODY, now: datetime = NOW) -> bool:
    try:
        verify_standard(secret=secret, headers=headers, body=body, now=now)
    except SignatureRefused as refusal:
        assert str(refusal)
        return False
    return True


def test_the_published_vector_is_what_we_sign_and_accept(vector: Any) -> None:
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    body = vector["payload"].encode()
    headers = sign_standard(secret=vector["secret"], message_id=vector["msg_id"], at=at, body=body)
    assert headers["webhook-signature"] == vector["signature"]
    for secret in (vector["secret"], vector["secret"].removeprefix("whsec_")):
        verify_standard(secret=secret, headers=headers, body=body, now=at)


def test_a_changed_character_of_the_published_signature_is_refused(vector: Any) -> None:
    at = datetime.fromtimestamp(vector["timestamp"], UTC)
    headers = {"webhook-id": vector["msg_id"], "webhook-timestamp": str(vector["timestamp"])}
    headers["webhook-signature"] = vector["signature"].replace("1OE=", "1OA=")
    with pytest.raises(SignatureRefused):
        verify_standard(secret=vector["secret"], headers=headers, body=vector["payload"].encode(), now=at)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed(missing: str) -> None:
    assert not is_accepted({name: value for name, value in headers_now().items() if name != missing})


def test_header_names_are_of_any_case() -> None:
    assert is_accepted({name.title(): value for name, value in headers_now().items()})


@pytest.mark.parametrize("timestamp", ["hello", "", "nan", "inf", "1e400", "-1", " 1", "1.5", "\u0661", "9" * 400, "1\n"])
def test_a_time_that_is_none_is_refused(timestamp: str) -> None:
    assert not is_accepted({**headers_now(), "webhook-timestamp": timestamp})


@pytest.mark.parametrize(("seconds", "is_in_time"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_five_minutes_either_way_are_in_time(seconds: int, is_in_time: bool) -> None:
    assert is_accepted(headers_now(), now=NOW + timedelta(seconds=seconds)) is is_in_time


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "x" * 201])
def test_an_id_that_could_be_read_in_two_ways_is_refused(message_id: str) -> None:
    signed = sign_standard(secret=SECRET, message_id=message_id, at=NOW, body=BODY)
    assert not is_accepted(signed)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_====", "not base64!", "whsec_\u00e9"])
def test_a_secret_that_is_none_signs_and_accepts_nothing(secret: str) -> None:
    assert not is_accepted(headers_now(), secret=secret)
    with pytest.raises(SignatureRefused):
        sign_standard(secret=secret, message_id="msg_1", at=NOW, body=BODY)


@pytest.mark.parametrize("token", ["v1", "no-comma", "v1,***", "v1,", "", "v1,\u00e9", "v1a,AAAA"])
def test_a_signature_that_is_none_is_refused_and_does_no_harm_among_others(token: str) -> None:
    good = headers_now()["webhook-signature"]
    assert not is_accepted({**headers_now(), "webhook-signature": token})
    assert is_accepted({**headers_now(), "webhook-signature": f"{token} v2,AAAA {good} v1,AAAA"})


@pytest.mark.parametrize("length", [24, 25, 26, 32])
def test_a_secret_needs_no_padding(length: int) -> None:
    packed = base64.b64encode(b"k" * length).decode()
    headers = sign_standard(secret=f"whsec_{packed}", message_id="msg_1", at=NOW, body=BODY)
    assert is_accepted(headers, secret=f"whsec_{packed.rstrip('=')}")


@given(body=st.binary(max_size=200), other=st.binary(max_size=200))
def test_only_the_signed_body_is_accepted(body: bytes, other: bytes) -> None:
    headers = sign_standard(secret=SECRET, message_id="msg_1", at=NOW, body=body)
    assert is_accepted(headers, body=other) is (body == other)

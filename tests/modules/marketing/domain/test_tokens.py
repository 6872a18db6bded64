"""Tracking tokens say what was signed, and nothing else is ever read from them."""

from base64 import urlsafe_b64encode
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.marketing.domain.message_ids import message_id, read_message_id
from nexusone.modules.marketing.domain.tokens import OCCURRENCE_MAX, DeliveryIds, Purpose, SigningKey, Token, read, sign

OLD, NEW = SigningKey(1, b"o" * 32), SigningKey(2, b"n" * 32)
KEYS = {1: OLD, 2: NEW}
IDS = DeliveryIds(UUID(int=1), UUID(int=2), UUID(int=3), 4)
deliveries = st.builds(DeliveryIds, st.uuids(), st.uuids(), st.uuids(), st.integers(0, OCCURRENCE_MAX))


@given(deliveries, st.sampled_from(Purpose), st.integers(0, 65535), st.sampled_from([OLD, NEW]))
def test_a_token_reads_back_as_it_was_signed(delivery: DeliveryIds, purpose: Purpose, link: int, key: SigningKey) -> None:
    token = sign(delivery, purpose=purpose, key=key, link=link)
    assert len(token) <= 120
    assert read(token, KEYS) == Token(purpose=purpose, delivery=delivery, link=link, key_id=key.id)


@given(st.text(max_size=200))
def test_garbage_is_never_a_token_and_never_raises(garbage: str) -> None:
    assert read(garbage, KEYS) is None


@given(st.text(st.characters(codec="ascii"), min_size=98, max_size=98))
def test_garbage_of_the_right_length_is_never_a_token(garbage: str) -> None:
    assert read(garbage, KEYS) is None


@given(st.binary(min_size=73, max_size=73))
def test_well_formed_forgeries_are_not_tokens(raw: bytes) -> None:
    assert read(urlsafe_b64encode(raw).decode().rstrip("="), KEYS) is None


@given(st.integers(0, 97), st.characters(codec="ascii"))
def test_changing_any_character_breaks_a_token(position: int, character: str) -> None:
    token = sign(IDS, purpose=Purpose.CLICK, key=NEW, link=7)
    changed = token[:position] + character + token[position + 1 :]
    assert (read(changed, KEYS) is not None) == (changed == token)


def test_a_token_of_a_retired_key_is_not_read() -> None:
    assert read(sign(IDS, purpose=Purpose.OPEN, key=OLD), {2: NEW}) is None


def test_a_key_does_not_sign_under_the_number_of_another() -> None:
    assert read(sign(IDS, purpose=Purpose.OPEN, key=SigningKey(1, b"x" * 32)), KEYS) is None


@given(deliveries)
def test_a_message_id_names_its_delivery(delivery: DeliveryIds) -> None:
    written = message_id(delivery, domain="news.example.com")
    assert read_message_id(written) == delivery == read_message_id(written.strip("<>"))
    assert written == message_id(delivery, domain="news.example.com")


@given(st.text(max_size=120))
def test_other_message_ids_name_no_delivery(written: str) -> None:
    assert read_message_id(written) is None

"""Signed tokens verify unchanged, under the keys of their purpose, and in one spelling only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.platform.signing import SignatureInvalid, SigningKeys

KEYS = SigningKeys("a", {"a": bytes(32), "b": bytes(range(32))})


@settings(deadline=None)
@given(payload=st.binary(max_size=200))
def test_what_was_signed_verifies_and_nothing_under_other_keys(payload: bytes) -> None:
    token = KEYS.sign(payload)
    assert KEYS.verify(token) == payload
    with pytest.raises(SignatureInvalid):
        SigningKeys("a", {"a": b"x" * 32}).verify(token)
    with pytest.raises(SignatureInvalid):
        KEYS.verify(token.replace("a.", "b.", 1))


@settings(deadline=None)
@given(payload=st.binary(max_size=40), at=st.integers(0, 200), letter=st.sampled_from("AZaz09-_.=+ é"))
def test_a_token_with_any_other_letter_is_refused(payload: bytes, at: int, letter: str) -> None:
    token = KEYS.sign(payload)
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    if changed != token:
        with pytest.raises(SignatureInvalid):
            KEYS.verify(changed)


@settings(deadline=None)
@given(text=st.text(max_size=60) | st.sampled_from(["", ".", "..", "a..", "a.", "a...", "a.AA", "a.AA.AA.AA"]))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(SignatureInvalid):
        KEYS.verify(text)


def test_keys_are_not_shown() -> None:
    assert repr(KEYS) == "SigningKeys(primary_id='a')"

"""The claims of an id_token, one by one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.kernel.ids import new_id
from nexusone.modules.identity.domain.credentials import digest_of
from nexusone.modules.identity.domain.id_token import ALGORITHMS, Expected, fault_of, person_of
from nexusone.modules.identity.domain.sso import (
    Metadata,
    MetadataUnusable,
    domain_of,
    is_mixed_up,
    may_return_to,
    read_metadata,
    read_reference,
    write_reference,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EXPECTED = Expected(
    issuer="https://idp.example.com",
    client_id="client",
    nonce_hash=digest_of("nonce"),
    started_at=NOW - timedelta(minutes=1),
    now=NOW,
    algorithm="RS256",
    access_token="jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
)
RIGHT: dict[str, Any] = {
    "iss": "https://idp.example.com",
    "aud": "client",
    "exp": int(NOW.timestamp()) + 300,
    "iat": int(NOW.timestamp()),
    "nonce": "nonce",
    "sub": "ada",
}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def test_right_claims_hold() -> None:
    assert fault_of(RIGHT, EXPECTED) is None
    assert fault_of({**RIGHT, "aud": ["client"]}, EXPECTED) is None
    assert fault_of({**RIGHT, "aud": ["client", "other"], "azp": "client"}, EXPECTED) is None


def test_the_at_hash_of_the_specification_holds() -> None:
    # OpenID Connect Core 1.0, A.3.
    assert fault_of({**RIGHT, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}, EXPECTED) is None


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "nonce", "sub"])
def test_no_claim_that_must_be_there_may_be_missing(name: str) -> None:
    assert fault_of({key: value for key, value in RIGHT.items() if key != name}, EXPECTED) == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://idp.example.com/"),
        ("iss", "HTTPS://idp.example.com"),
        ("aud", []),
        ("aud", ["other", "client"]),
        ("aud", {"client": 1}),
        ("aud", "clientx"),
        ("exp", str(int(NOW.timestamp()) + 300)),
        ("exp", float("inf")),
        ("exp", float("nan")),
        ("exp", True),
        ("exp", int(NOW.timestamp()) - 60),
        ("iat", int(NOW.timestamp()) + 61),
        ("iat", int(NOW.timestamp()) - 121),
        ("nbf", int(NOW.timestamp()) + 61),
        ("nbf", None),
        ("nonce", "Nonce"),
        ("nonce", ["nonce"]),
        ("sub", ""),
        ("sub", "a" * 256),
        ("sub", 7),
        ("sub", "a\nb"),
        ("at_hash", "77QmUPtjPfzWtF2AnpK9RA"),
        ("at_hash", None),
        ("at_hash", ""),
    ],
)
def test_a_wrong_claim_is_named(name: str, value: object) -> None:
    assert fault_of({**RIGHT, name: value}, EXPECTED) == name


def test_another_authorized_party_is_refused() -> None:
    assert fault_of({**RIGHT, "azp": "other"}, EXPECTED) == "aud"


@given(name=st.sampled_from([*RIGHT, "nbf", "azp", "at_hash"]), value=ANYTHING)
def test_no_claim_whatever_its_shape_makes_the_check_fall_over(name: str, value: object) -> None:
    fault_of({**RIGHT, name: value}, EXPECTED)
    person_of({**RIGHT, "amr": value}, {"email": value, "email_verified": value, "name": value})


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_that_is_taken_knows_its_hash(algorithm: str) -> None:
    assert fault_of({**RIGHT, "at_hash": "x"}, replace(EXPECTED, algorithm=algorithm)) == "at_hash"


def test_nothing_unsigned_or_symmetric_is_taken() -> None:
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"]


@pytest.mark.parametrize("verified", [False, None, "false", "True", 1, "yes", [True]])
def test_an_address_counts_only_where_it_is_plainly_verified(verified: object) -> None:
    person = person_of(RIGHT, {"email": "Ada@Example.com", "email_verified": verified})
    assert (person.email, person.has_unverified_email) == (None, True)
    assert person_of(RIGHT, {"email": " Ada@Example.com", "email_verified": True}).email == "ada@example.com"


@pytest.mark.parametrize(
    ("email", "domain"),
    [("ada@example.com", "example.com"), ("a@b@example.com", None), ("@example.com", None), ("ada", None), ("a b@example.com", None)],
)
def test_only_a_plain_address_has_a_domain(email: str, domain: str | None) -> None:
    assert domain_of(email) == domain


def told(**changes: object) -> dict[str, object]:
    """What a provider says of itself."""
    base = "https://idp.example.com"
    return {"issuer": base, "authorization_endpoint": f"{base}/a", "token_endpoint": f"{base}/t", "jwks_uri": f"{base}/k", **changes}


def test_metadata_of_the_issuer_itself_is_taken() -> None:
    metadata = read_metadata(told(), issuer="https://idp.example.com")
    assert metadata == Metadata(
        "https://idp.example.com", "https://idp.example.com/a", "https://idp.example.com/t", "https://idp.example.com/k", None, False, False
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example.com"},
        {"issuer": None},
        {"jwks_uri": None},
        {"token_endpoint": 5},
        {"authorization_endpoint": "https://idp.example.com/a#b"},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    ],
)
def test_metadata_that_cannot_be_used_says_why(changes: dict[str, object]) -> None:
    with pytest.raises(MetadataUnusable):
        read_metadata(told(**changes), issuer="https://idp.example.com")


def test_an_answer_is_mixed_up_where_it_names_another_or_should_have_named_itself() -> None:
    silent = read_metadata(told(), issuer="https://idp.example.com")
    naming = replace(silent, names_itself_on_return=True)
    assert [is_mixed_up(silent, named=name) for name in (None, "https://idp.example.com", "https://x")] == [False, False, True]
    assert [is_mixed_up(naming, named=name) for name in (None, "https://idp.example.com", "")] == [True, False, True]


@given(text=st.text(max_size=200))
def test_a_reference_is_only_what_was_written_as_one(text: str) -> None:
    assert read_reference("s", text) is None


def test_a_state_is_no_binding() -> None:
    text = write_reference("s", workspace_id=new_id(), attempt_id=new_id(), secret="x" * 43)
    assert read_reference("s", text) is not None
    assert read_reference("b", text) is None


@given(text=st.text(max_size=100))
def test_no_address_whatever_its_shape_makes_the_check_fall_over(text: str) -> None:
    assert not may_return_to(f"https://{text}", origins=["https://app.example.com"]) or text.startswith("app.example.com")

"""Secrets and personal data are found by name and by shape; what is harmless stays readable."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.platform.telemetry.masking import TEXT_LENGTH_MAX, mask, mask_text

CANARY = "cAnArY7c1e9f"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{CANARY}.sig-{CANARY}"

SECRET_TEXTS = [
    JWT,
    f"key nx_live_{CANARY} was used",
    f"sk-proj-{CANARY}{CANARY}",
    f"sk_test_{CANARY}",
    f"whsec_{CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"authorization: Custom a={CANARY}, b={CANARY}",
    f"Cookie: a={CANARY}; session={CANARY}",
    f"set-cookie: sid={CANARY}; HttpOnly",
    f"bearer {CANARY}",
    f"password={CANARY}",
    f"PASSWORD = '{CANARY} with words'",
    f'{{"password": "{CANARY} \\" {CANARY}", "a": 1}}',
    json.dumps(json.dumps({"client_secret": f'{CANARY} " {CANARY}'})),
    json.dumps(json.dumps(json.dumps({"client_secret": CANARY}))),
    f'{{"password": "{CANARY} cut off',
    f"{{'password': '{CANARY} cut off",
    f"{{'refreshToken': '{CANARY}'}}",
    f"login(user, password='{CANARY}')",
    f"User(name='x', totp_secret='{CANARY}')",
    f"[(b'authorization', b'Basic {CANARY}'), (b'x-api-key', b'{CANARY}')]",
    f"GET /v1/x?token={CANARY}&a=1&api_key={CANARY}#f",
    f"GET /v1/x?a=1%26access_token%3D{CANARY}",
    f"postgresql://nexus:{CANARY}@db/nexus",
    f"https://{CANARY}@reports.example/1",
    f"smtp://u:p@{CANARY}@host:25",
    f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----",
    f"X-Api-Key: {CANARY}",
    f"secret => {CANARY}",
]
EMAILS = [
    "anna.b+tag@example.com",
    "jürgen@müller.example",
    "a@b.co",
    "o'neil_99@mail.example.org",
    "anna%40example.com",
    "anna%2Bx%2540example.com",
]
PHONES = [
    "+49 171 1234567",
    "+1 (415) 555-2671",
    "%2B491711234567",
    "00491711234567",
    "0171 1234567",
    "(030) 1234567",
    "415-555-2671",
    "+4917112345678",
]
HARMLESS = [
    "0190f3a4-7b1c-7c3d-8e2f-1234567890ab",
    "2026-11-22T22:02:35.123456+00:00",
    "GET /v1/contacts?limit=50 200 in 12.5 ms",
    "prompt_tokens=1200 completion_tokens: 35 max_tokens='x'"[:40],
    "127.0.0.1:54321",
    "author=Anna limit=10 option=3",
    "1,234,567 rows in 10 000 batches, 99.9 %",
    "migration 0012 -> 0013",
]


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_a_secret_in_a_text_is_masked(text: str) -> None:
    assert CANARY not in mask_text(text)
    assert CANARY not in mask_text(f"before {text} after")


@pytest.mark.parametrize("address", EMAILS)
@pytest.mark.parametrize("around", ["{}", "to <{}>", "?mail={}&x=1", "'{}' bounced", "a,{},b", "/c/{}/d", "mailto:{}"])
def test_an_email_address_is_masked_wherever_it_stands(address: str, around: str) -> None:
    masked = mask_text(around.format(address))
    assert "anna" not in masked and "example" not in masked and "@b.co" not in masked


@pytest.mark.parametrize("number", PHONES)
@pytest.mark.parametrize("around", ["{}", "to {}.", "?to={}&x=1", "'{}' refused", "tel:{}"])
def test_a_phone_number_is_masked_wherever_it_stands(number: str, around: str) -> None:
    masked = mask_text(around.format(number))
    assert "4567" not in masked and "2671" not in masked and "[phone]" in masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays_readable(text: str) -> None:
    assert mask_text(text) == text


NAMES = [
    "password",
    "newPassword",
    "client_secret",
    "accessToken",
    "api_key",
    "X-API-Key",
    "apikey",
    "Authorization",
    "Cookie",
    "set-cookie",
    "dsn",
]
NAMES += [
    "email",
    "contactEmail",
    "e_mail",
    "phone",
    "phone_number",
    "mobile",
    "first_name",
    "lastName",
    "date_of_birth",
    "totp_code",
    "session_id",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [CANARY, CANARY.encode(), [CANARY], {"x": CANARY}, 1711234567])
def test_a_value_is_masked_by_the_name_of_its_field_at_any_depth(name: str, value: object) -> None:
    for nested in (
        {name: value},
        {"a": [{"b": ({name: value},)}]},
        [(name, value)],
        [(name.encode(), value)],
        {"headers": ((name, value), ("a", "b"))},
    ):
        shown = json.dumps(mask(nested))
        assert CANARY not in shown and "1711234567" not in shown


MORE_NAMES = [
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "jwt",
    "csrf",
    "xsrf",
    "credentials",
    "private_key",
    "master-key",
    "signing_key",
    "signature",
]
MORE_NAMES += [
    "recovery_code",
    "sessionid",
    "totp",
    "mail",
    "mobile",
    "msisdn",
    "given_name",
    "surname",
    "birthday",
    "street",
    "postal_code",
    "iban",
]


@pytest.mark.parametrize("name", NAMES + MORE_NAMES)
@pytest.mark.parametrize("form", ["{}={}", "{}: {}", '"{}": "{}"', "'{}': '{}'", "('{}', '{}')", "?a=1&{}={}&b=2", "X({}='{}')"])
def test_a_value_is_masked_by_the_name_before_it_in_a_text(name: str, form: str) -> None:
    assert CANARY not in mask_text(form.format(name, CANARY))
    assert CANARY not in mask_text(form.format(name.upper(), CANARY))


def test_counts_of_tokens_and_claims_about_secrets_stay() -> None:
    harmless = {"prompt_tokens": 12, "tokens_used": 5, "has_password": True, "api_key": None, "emails_sent": 7, "status": 200}
    assert mask(harmless) == harmless


def test_plain_values_keep_their_meaning() -> None:
    value = {"id": UUID(int=7), "at": datetime(2026, 1, 31, tzinfo=UTC), "ratio": 0.5, "nan": float("nan"), 5: (1, 2)}
    assert mask(value) == {"id": str(UUID(int=7)), "at": "2026-01-31 00:00:00+00:00", "ratio": 0.5, "nan": "nan", "5": [1, 2]}


@dataclass
class Account:
    email: str
    password: str


def test_objects_are_shown_by_their_masked_repr() -> None:
    shown = str(mask({"account": Account("anna@example.com", CANARY), "error": ValueError(f"token={CANARY}")}))
    assert CANARY not in shown and "anna" not in shown and "Account(" in shown


def test_cycles_depth_and_length_are_bounded() -> None:
    cycle: dict[str, object] = {}
    cycle["self"] = cycle
    assert len(json.dumps(mask(cycle))) < 200
    assert len(json.dumps(mask(list(range(10_000))))) < 2000
    assert len(mask_text("x" * 10**6)) == TEXT_LENGTH_MAX + 1


def test_a_secret_astride_the_cut_is_not_shown_in_part() -> None:
    text = "x " * (TEXT_LENGTH_MAX // 2 - 3) + f"password={CANARY}" * 3
    assert CANARY[:4] not in mask_text(text)


@pytest.mark.parametrize(
    "piece", ["a", "a.", "@", "a@", "a@a.", '"', "password", "password=", "\\", "%40", "1 ", "+1", "eyJ", "token\\", "://a", "bearer ", " "]
)
def test_no_input_makes_masking_slow(piece: str) -> None:
    started = time.perf_counter()
    mask_text(piece * 32_768)
    # The bound only tells linear from explosive.
    assert time.perf_counter() - started < 5


PIECES = [
    "password",
    "token",
    "=",
    ":",
    "'",
    '"',
    "\\",
    "[secret]",
    "]",
    "email",
    "a@b.co",
    "+49171",
    "1234567",
    "40",
    "%",
    "@",
    "://",
    ".",
    "bearer ",
]
PIECES += ["x", " ", "authorization", "cookie", "eyJabcdef.abcd", "\n", ",", "nx_abcdef", "(", ")", "-", "é", "\x00"]
TANGLES = st.lists(st.sampled_from(PIECES), max_size=10).map("".join) | st.text(max_size=20)


@settings(deadline=None, max_examples=300)
@given(before=TANGLES, after=TANGLES)
def test_whatever_text_stands_around_it_a_password_is_masked(before: str, after: str) -> None:
    assert CANARY not in mask_text(f"{before} password={CANARY} {after}")


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    value=JSONISH,
    prefix=st.text(alphabet="ab _-", max_size=4),
    word=st.sampled_from(["password", "secret", "token", "api_key", "authorization", "cookie"]),
)
def test_whatever_surrounds_it_a_named_secret_is_gone(value: object, prefix: str, word: str) -> None:
    shown = json.dumps(mask({"around": value, "in": [{prefix + word: CANARY}]}), allow_nan=False)
    assert CANARY not in shown

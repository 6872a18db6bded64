"""Input is read strictly: what parsers disagree about is refused, nothing is coerced, nothing unknown passes."""

import json
import unicodedata
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tests.customers import Customer
from tests.web.probe import Probe

from nexusone.kernel.contract import UNPRINTABLE, Text
from nexusone.kernel.errors import InvalidRequest
from nexusone.web.strict import read_json

KNOCKS = "/v1/probe/knocks"
JSON = {"Content-Type": "application/json"}

Words = st.text().filter(lambda text: "\0" not in text)
Json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats(allow_nan=False, allow_infinity=False) | Words,
    lambda inner: st.lists(inner) | st.dictionaries(Words, inner),
    max_leaves=20,
)

UNREADABLE = {
    "nothing but a brace": b"{",
    "text after the value": b'{"name":"a"} x',
    "duplicate keys": b'{"name":"a","name":"b"}',
    "duplicate keys in depth": b'{"name":"a","extra":{"x":[{"y":1,"y":2}]}}',
    "duplicate keys, one of them escaped": b'{"name":"a","n\\u0061me":"b"}',
    "NUL": b'{"name":"a\\u0000b"}',
    "NUL in a key": b'{"name":"a","extra":{"\\u0000":1}}',
    "raw NUL": b'{"name":"a\x00b"}',
    "a lone high surrogate": b'{"name":"\\ud800"}',
    "a lone low surrogate": b'{"name":"\\udc00x"}',
    "surrogates the wrong way round": b'{"name":"\\udc00\\ud800"}',
    "NaN": b'{"name":"a","share":NaN}',
    "Infinity": b'{"name":"a","share":Infinity}',
    "minus Infinity": b'{"name":"a","share":-Infinity}',
    "a number too large": b'{"name":"a","share":1e400}',
    "a number with too many digits": b'{"name":"a","count":' + b"9" * 5000 + b"}",
    "arrays too deep": b'{"name":"a","words":' + b"[" * 500 + b"]" * 500 + b"}",
    "objects too deep": b'{"a":' * 500 + b"1" + b"}" * 500,
    "depth without end": b"[" * 100_000,
    "latin-1": b'{"name":"\xe9"}',
    "UTF-16": '{"name":"a"}'.encode("utf-16"),
    "an overlong NUL": b'{"name":"\xc0\x80"}',
    "a byte order mark": b'\xef\xbb\xbf{"name":"a"}',
    "single quotes": b"{'name':'a'}",
    "a trailing comma": b'{"name":"a",}',
    "a comment": b'{"name":"a"/*x*/}',
}

WRONG: dict[str, tuple[str, object]] = {
    "a number for text": ("name", 1),
    "null for text": ("name", None),
    "text for a number": ("count", "1"),
    "a float for an integer": ("count", 1.5),
    "a boolean for an integer": ("count", True),
    "text for a float": ("share", "0.5"),
    "text for a boolean": ("is_loud", "true"),
    "a number for a boolean": ("is_loud", 1),
    "an object for a list": ("words", {}),
    "text for a list": ("words", "a"),
    "a number in a list of text": ("words", ["a", 1]),
    "what is no id": ("id", "abc"),
    "a number for an id": ("id", 1),
    "a time without an offset": ("at", "2026-01-01T00:00:00"),
    "a day for a time": ("at", "2026-01-01"),
    "a number for a time": ("at", 1700000000),
    "a control character": ("name", "a\x07b"),
    "a character that turns the direction": ("name", "a\u202eb"),
    "an empty name": ("name", ""),
    "a name of blanks": ("name", "   "),
    "a name too long": ("name", "x" * 201),
    "an unknown field": ("surprise", 1),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_api_10_json_that_parsers_disagree_about_is_refused(knocker: Customer, probe: Probe, body: bytes) -> None:
    answer = await knocker.client.post(KNOCKS, content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "request.invalid"
    assert not probe.bodies


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG.keys())
async def test_what_breaks_a_rule_is_pointed_at(knocker: Customer, probe: Probe, field: str, value: object) -> None:
    answer = await knocker.client.post(KNOCKS, json={"name": "a", field: value})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert problem["code"] == "request.unprocessable"
    assert any(error["pointer"].startswith(f"/{field}") for error in problem["errors"])
    assert not probe.bodies


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1", b"", b"[{}]"])
async def test_a_body_that_is_no_object_breaks_a_rule(knocker: Customer, body: bytes) -> None:
    answer = await knocker.client.post(KNOCKS, content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", "json"]
)
async def test_json_in_another_guise_is_refused(knocker: Customer, probe: Probe, media_type: str) -> None:
    answer = await knocker.client.post(KNOCKS, content=b'{"name":"a"}', headers={"Content-Type": media_type})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]
    assert not probe.bodies


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_is_read_under_its_name(knocker: Customer, media_type: str) -> None:
    answer = await knocker.client.post(KNOCKS, content=b'{"name":"a"}', headers={"Content-Type": media_type})
    assert answer.status_code == 201


async def test_a_compressed_body_is_refused(knocker: Customer) -> None:
    answer = await knocker.client.post(KNOCKS, content=b"x", headers={**JSON, "Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_api_10_text_is_normalised_once(knocker: Customer, probe: Probe) -> None:
    answer = await knocker.client.post(KNOCKS, json={"name": "  Cafe\u0301  "})
    assert answer.json()["name"] == "Café"


@pytest.mark.parametrize("query", ["q=a&q=b", "q=a&%71=b", "q=%00", "%00=1"])
async def test_api_10_a_query_that_can_be_read_two_ways_is_refused(knocker: Customer, query: str) -> None:
    answer = await knocker.client.get(f"/v1/probe/search?{query}")
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("query", "pointer"), [("x=1", "#query/x"), ("q=a&Q=b", "#query/Q"), ("a%2Fb=1", "#query/a~1b"), ("=1", "#query/")]
)
async def test_an_unknown_query_parameter_is_refused(knocker: Customer, query: str, pointer: str) -> None:
    answer = await knocker.client.get(f"/v1/probe/search?{query}")
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_known_query_parameters_pass(knocker: Customer) -> None:
    answer = await knocker.client.get("/v1/probe/search", params={"q": "héllo & more", "count": "2"})
    assert answer.json()["q"] == "héllo & more"
    listed = await knocker.client.get("/v1/probe/items", params={"limit": "3"})
    assert listed.status_code == 200


async def test_addresses_outside_the_versioned_api_take_what_is_appended_to_them(anyone: httpx2.AsyncClient) -> None:
    assert (await anyone.get("/livez?utm_source=x")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/probe/search?q=" + "x" * 9000, "/v1/" + "x" * 9000])
async def test_an_address_too_long_is_refused(knocker: Customer, path: str) -> None:
    assert (await knocker.client.get(path)).status_code == 400


async def test_api_10_a_nul_in_the_path_is_refused(anyone: httpx2.AsyncClient) -> None:
    assert (await anyone.get("/v1/probe/%00")).status_code == 400


async def test_headers_too_large_are_refused(anyone: httpx2.AsyncClient) -> None:
    answer = await anyone.get("/v1/probe/open", headers={"X-Much": "x" * 40_000})
    assert answer.status_code == 431
    assert answer.json()["code"] == "request.head_too_large"


async def test_a_body_over_the_limit_is_refused_by_its_length(knocker: Customer) -> None:
    answer = await knocker.client.post(KNOCKS, content=b" " * (1024 * 1024 + 1), headers=JSON)
    assert answer.status_code == 413
    assert "1048576" in answer.json()["detail"]


async def test_a_body_at_the_limit_is_read(knocker: Customer) -> None:
    body = b'{"name":"a"' + b" " * (1024 * 1024 - 12) + b"}"
    assert len(body) == 1024 * 1024
    assert (await knocker.client.post(KNOCKS, content=body, headers=JSON)).status_code == 201


@given(Json)
def test_api_10_json_is_read_as_any_parser_reads_it(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_api_10_no_bytes_make_the_reader_fail(body: bytes) -> None:
    try:
        read_json(body)
    except InvalidRequest:
        return


@given(st.text(alphabet='[]{}",:\\u0d8trfn019 ', max_size=80))
def test_api_10_no_text_of_json_signs_makes_the_reader_fail(text: str) -> None:
    try:
        read_json(text.encode())
    except InvalidRequest:
        return


@given(st.text(max_size=60))
def test_api_10_any_text_is_either_refused_or_printable_and_normal(text: str) -> None:
    try:
        read = TypeAdapter(Text).validate_python(text)
    except ValidationError:
        assert UNPRINTABLE.search(text)
    else:
        assert not UNPRINTABLE.search(read)
        assert read == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("written", "read"), [(b"24.0", 24), (b"2e1", 20), (b"-0.0", 0), (b"24.5", 24.5), (b"9007199254740992.0", 2.0**53)]
)
def test_a_number_is_whole_by_its_value(written: bytes, read: float) -> None:
    found = read_json(written)
    assert (found, type(found)) == (read, type(read))

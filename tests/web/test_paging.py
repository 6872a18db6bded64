"""Lists page by page: every item once, and cursors that work for nothing but their own list."""

import base64
import string

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp
from tests.customers import Customer, customer_at
from tests.web.probe import ITEMS

from nexusone.web.paging import read_cursor, write_cursor

KEY, PURPOSE = b"k" * 32, b"list"
SortKeys = st.lists(st.text(), min_size=1, max_size=4).map(tuple)


async def walk(client: httpx2.AsyncClient, *, limit: int) -> list[int]:
    found: list[int] = []
    params: dict[str, str] = {"limit": str(limit)}
    for _ in range(len(ITEMS) + 1):
        answer = await client.get("/v1/probe/items", params=params)
        assert answer.status_code == 200
        page = answer.json()
        assert 0 < len(page["items"]) <= limit
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        params["cursor"] = page["next_cursor"]
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("limit", [1, 7, 50, 100])
async def test_a_walk_over_the_pages_sees_every_item_once_and_in_order(knocker: Customer, limit: int) -> None:
    assert await walk(knocker.client, limit=limit) == list(ITEMS)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "9" * 30, ""])
async def test_a_page_size_out_of_bounds_is_refused(knocker: Customer, limit: str) -> None:
    answer = await knocker.client.get("/v1/probe/items", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#query/limit"


async def first_cursor(client: httpx2.AsyncClient) -> str:
    answer = await client.get("/v1/probe/items", params={"limit": "10"})
    return str(answer.json()["next_cursor"])


async def refused(client: httpx2.AsyncClient, path: str, cursor: str) -> bool:
    answer = await client.get(path, params={"cursor": cursor})
    if answer.status_code != 422:
        return False
    return bool(answer.json()["errors"][0]["pointer"] == "#query/cursor")


async def test_a_cursor_of_another_list_is_refused(knocker: Customer) -> None:
    assert await refused(knocker.client, "/v1/probe/others", await first_cursor(knocker.client))


async def test_a_cursor_of_another_workspace_is_refused(knocker: Customer, probed: ASGIApp) -> None:
    cursor = await first_cursor(knocker.client)
    async with customer_at(probed) as stranger:
        assert await refused(stranger.client, "/v1/probe/items", cursor)


async def test_a_tampered_cursor_is_refused_wherever_it_is_touched(knocker: Customer) -> None:
    cursor = await first_cursor(knocker.client)
    for place in range(len(cursor)):
        other = next(letter for letter in string.ascii_letters if letter != cursor[place])
        assert await refused(knocker.client, "/v1/probe/items", cursor[:place] + other + cursor[place + 1 :]), place


@pytest.mark.parametrize("cursor", ["x", "====", "ä", "AAAA", "a" * 2000, base64.urlsafe_b64encode(b"\0" * 16 + b'["5"]').decode()])
async def test_what_was_never_given_out_is_refused(knocker: Customer, cursor: str) -> None:
    assert await refused(knocker.client, "/v1/probe/items", cursor)


async def test_a_cursor_works_with_another_page_size(knocker: Customer) -> None:
    answer = await knocker.client.get("/v1/probe/items", params={"cursor": await first_cursor(knocker.client), "limit": "2"})
    assert answer.json()["items"] == [10, 11]


@given(SortKeys)
def test_a_sort_key_comes_back_from_its_cursor(after: tuple[str, ...]) -> None:
    assert read_cursor(write_cursor(after, key=KEY, purpose=PURPOSE), key=KEY, purpose=PURPOSE) == after


@given(SortKeys, st.binary(min_size=1, max_size=8), st.binary(max_size=8))
def test_a_cursor_is_bound_to_its_key_and_purpose(after: tuple[str, ...], key: bytes, purpose: bytes) -> None:
    cursor = write_cursor(after, key=KEY, purpose=PURPOSE)
    assert read_cursor(cursor, key=key, purpose=PURPOSE) is None
    assert read_cursor(cursor, key=KEY, purpose=PURPOSE + b"/" + purpose) is None


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_of_cursors_fail(text: str) -> None:
    assert read_cursor(text, key=KEY, purpose=PURPOSE) is None

"""Blobs in a folder and in memory: whole or not at all, inside their workspace, within their limits."""

import asyncio
import resource
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from nexusone.kernel.ids import new_id
from nexusone.platform.blobs import (
    BlobKeyRefused,
    BlobLinkRefused,
    BlobNotFound,
    BlobRangeRefused,
    Blobs,
    BlobTooLarge,
    sign_link,
    verify_link,
)
from nexusone.platform.signing import SigningKeys

OURS, THEIRS = new_id(), new_id()
KEYS = SigningKeys("a", {"a": bytes(32)})
NOW = datetime(2026, 1, 31, tzinfo=UTC)
MIB = 2**20


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs.at(str(tmp_path / "blobs")) if request.param == "folder" else Blobs(MemoryStore())


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def read(blobs: Blobs, workspace_id: UUID, key: str) -> bytes:
    return b"".join([chunk async for chunk in (await blobs.get(workspace_id, key)).chunks])


async def keys_of(blobs: Blobs, workspace_id: UUID, folder: str = "") -> list[str]:
    return sorted([entry.key async for entry in blobs.list_blobs(workspace_id, folder)])


async def test_bytes_and_streams_come_back_as_they_were_put(blobs: Blobs) -> None:
    large = bytes(range(256)) * (12 * 4096)
    assert await blobs.put(OURS, "a/small.png", b"png", "image/png") == 3
    assert await blobs.put(OURS, "a/large.bin", chunked(large[:100], large[100:]), "video/mp4") == len(large)
    assert await blobs.put(OURS, "empty", b"", "text/plain; charset=utf-8") == 0
    assert await read(blobs, OURS, "a/small.png") == b"png"
    assert await read(blobs, OURS, "a/large.bin") == large
    assert await read(blobs, OURS, "empty") == b""


async def test_head_and_get_tell_size_and_content_type(blobs: Blobs) -> None:
    await blobs.put(OURS, "logo.png", b"12345", "image/png")
    head, blob = await blobs.head(OURS, "logo.png"), await blobs.get(OURS, "logo.png")
    assert (head.content_type, head.entry.key, head.entry.size_bytes) == ("image/png", "logo.png", 5)
    assert (blob.content_type, blob.first_byte, blob.end_byte) == ("image/png", 0, 5)
    assert head.entry.modified_at.tzinfo is not None


async def test_a_range_is_read_alone(blobs: Blobs) -> None:
    await blobs.put(OURS, "video", b"0123456789", "video/mp4")
    for first, end, expected in ((2, 5, b"234"), (7, None, b"789"), (7, 50, b"789"), (0, 1, b"0")):
        blob = await blobs.get(OURS, "video", first_byte=first, end_byte=end)
        assert b"".join([chunk async for chunk in blob.chunks]) == expected
        assert (blob.first_byte, blob.end_byte, blob.entry.size_bytes) == (first, first + len(expected), 10)


@pytest.mark.parametrize(("first", "end"), [(10, None), (99, 120), (5, 5), (6, 2), (-1, 3)])
async def test_a_range_outside_the_blob_is_refused(blobs: Blobs, first: int, end: int | None) -> None:
    await blobs.put(OURS, "video", b"0123456789", "video/mp4")
    with pytest.raises(BlobRangeRefused):
        await blobs.get(OURS, "video", first_byte=first, end_byte=end)


async def test_a_put_replaces_content_and_type(blobs: Blobs) -> None:
    await blobs.put(OURS, "k", b"one", "text/plain")
    await blobs.put(OURS, "k", b"two", "text/html")
    assert await read(blobs, OURS, "k") == b"two"
    assert (await blobs.head(OURS, "k")).content_type == "text/html"


async def test_another_workspace_neither_reads_nor_lists_nor_deletes(blobs: Blobs) -> None:
    await blobs.put(OURS, "same", b"ours", "text/plain")
    with pytest.raises(BlobNotFound):
        await blobs.get(THEIRS, "same")
    with pytest.raises(BlobNotFound):
        await blobs.head(THEIRS, "same")
    await blobs.delete(THEIRS, "same")
    await blobs.put(THEIRS, "same", b"theirs", "text/plain")
    assert await read(blobs, OURS, "same") == b"ours"
    assert await keys_of(blobs, THEIRS) == ["same"]
    assert await blobs.delete_all(THEIRS) == 1
    assert await keys_of(blobs, OURS) == ["same"]


async def test_a_listing_of_a_folder_goes_by_whole_segments(blobs: Blobs) -> None:
    for key in ("images/a", "images/deep/b", "images2/c", "d"):
        await blobs.put(OURS, key, b"x", "text/plain")
    assert await keys_of(blobs, OURS, "images") == ["images/a", "images/deep/b"]
    assert await keys_of(blobs, OURS) == ["d", "images/a", "images/deep/b", "images2/c"]
    assert await keys_of(blobs, THEIRS) == []


async def test_a_deleted_blob_is_gone_and_deleting_twice_is_no_error(blobs: Blobs) -> None:
    await blobs.put(OURS, "k", b"x", "text/plain")
    await blobs.delete(OURS, "k")
    await blobs.delete(OURS, "k")
    with pytest.raises(BlobNotFound):
        await blobs.head(OURS, "k")
    assert await keys_of(blobs, OURS) == []


TRAVERSALS = [
    "",
    "..",
    "../x",
    "a/../../x",
    "a/..",
    "/etc/passwd",
    "a//b",
    "a/",
    ".",
    "./a",
    ".env",
    "a/.b",
    "a\\..\\b",
    "a\x00",
    "a\n",
    "%2e%2e/x",
]
TRAVERSALS += [
    "..%2fx",
    "a b",
    "ä",
    "a#1",
    "a?b",
    "x" * 129,
    "/".join("x" * 17),
    "/".join(["x" * 100] * 6),
    "~",
    "C:/x",
    "a/‥/b",
    "~root/x",
]


@pytest.mark.parametrize("key", TRAVERSALS)
async def test_a_key_that_leads_elsewhere_is_refused_everywhere(blobs: Blobs, key: str) -> None:
    for attempt in (blobs.put(OURS, key, b"x", "text/plain"), blobs.get(OURS, key), blobs.head(OURS, key), blobs.delete(OURS, key)):
        with pytest.raises(BlobKeyRefused):
            await attempt
    with pytest.raises(BlobKeyRefused):
        sign_link(OURS, key, expires_at=NOW, keys=KEYS)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.text(alphabet=st.sampled_from("a./\\%\x00~:é-"), max_size=12))
async def test_no_key_reaches_outside_the_workspaces_folder(tmp_path: Path, key: str) -> None:
    blobs = Blobs.at(str(tmp_path / "in"), size_bytes_max=10)
    try:
        await blobs.put(OURS, key, b"x", "text/plain")
    except BlobKeyRefused:
        return
    home = tmp_path / "in" / str(OURS)
    assert home in (home / key).resolve().parents and (home / key).is_file()
    await blobs.delete_all(OURS)


async def test_content_over_the_limit_is_refused_and_leaves_the_old(tmp_path: Path) -> None:
    for blobs in (Blobs.at(str(tmp_path), size_bytes_max=8 * MIB), Blobs(MemoryStore(), size_bytes_max=8 * MIB)):
        await blobs.put(OURS, "k", b"old", "text/plain")
        for content in (bytes(8 * MIB + 1), chunked(*[bytes(MIB)] * 9)):
            with pytest.raises(BlobTooLarge):
                await blobs.put(OURS, "k", content, "text/plain")
        assert await read(blobs, OURS, "k") == b"old"
        assert await blobs.put(OURS, "k", bytes(8 * MIB), "text/plain") == 8 * MIB


async def test_a_stream_that_breaks_leaves_the_old_content_and_no_trace(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(11 * MIB)
        raise ConnectionResetError("sender is gone")

    blobs = Blobs.at(str(tmp_path))
    await blobs.put(OURS, "k", b"old", "text/plain")
    with pytest.raises(ConnectionResetError, match="sender is gone"):
        await blobs.put(OURS, "k", broken(), "text/plain")
    assert await read(blobs, OURS, "k") == b"old"
    assert [path.name for path in (tmp_path / str(OURS)).iterdir()] == ["k"]


async def test_readers_during_a_put_see_the_old_content_whole(tmp_path: Path) -> None:
    blobs, half, go_on = Blobs.at(str(tmp_path)), asyncio.Event(), asyncio.Event()

    async def paused() -> AsyncIterator[bytes]:
        yield bytes(6 * MIB)
        half.set()
        await go_on.wait()
        yield b"end"

    await blobs.put(OURS, "k", b"old", "text/plain")
    putting = asyncio.create_task(blobs.put(OURS, "k", paused(), "text/plain"))
    await half.wait()
    assert await read(blobs, OURS, "k") == b"old"
    assert await keys_of(blobs, OURS) == ["k"]
    go_on.set()
    assert await putting == 6 * MIB + 3
    assert len(await read(blobs, OURS, "k")) == 6 * MIB + 3


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
async def test_a_large_stream_takes_constant_memory(tmp_path: Path) -> None:
    blobs, before, peak = Blobs.at(str(tmp_path)), resident_bytes(), 0

    async def large() -> AsyncIterator[bytes]:
        nonlocal peak
        for _ in range(200):
            peak = max(peak, resident_bytes())
            yield bytes(MIB)

    await blobs.put(OURS, "large", large(), "video/mp4")
    size = 0
    async for chunk in (await blobs.get(OURS, "large")).chunks:
        size, peak = size + len(chunk), max(peak, resident_bytes())
    assert size == 200 * MIB
    assert peak - before < 64 * MIB


@pytest.mark.parametrize("content_type", ["", "png", "image/png\r\nX-Evil: 1", "a/b/c", "text/plain;"])
async def test_what_is_no_content_type_is_refused(blobs: Blobs, content_type: str) -> None:
    with pytest.raises(ValueError, match="content type"):
        await blobs.put(OURS, "k", b"x", content_type)


def test_object_storage_is_chosen_by_the_address() -> None:
    for address in ("s3://bucket/prefix", "gs://bucket", "memory:///"):
        assert Blobs.at(address)


def test_a_link_opens_its_blob_until_it_expires() -> None:
    token = sign_link(OURS, "a/b.png", expires_at=NOW + timedelta(minutes=5), keys=KEYS)
    assert verify_link(token, now=NOW + timedelta(minutes=4, seconds=59), keys=KEYS) == (OURS, "a/b.png")
    with pytest.raises(BlobLinkRefused):
        verify_link(token, now=NOW + timedelta(minutes=5), keys=KEYS)


def test_a_link_of_other_keys_or_for_another_purpose_is_refused() -> None:
    ours = sign_link(OURS, "a", expires_at=NOW + timedelta(minutes=5), keys=KEYS)
    for token in ("", "x", ours[:-1], KEYS.sign(b"cursor|1"), KEYS.sign(f"blob|{OURS}|x|a".encode())):
        with pytest.raises(BlobLinkRefused):
            verify_link(token, now=NOW, keys=KEYS)
    with pytest.raises(BlobLinkRefused):
        verify_link(ours, now=NOW, keys=SigningKeys("a", {"a": b"x" * 32}))

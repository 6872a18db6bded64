"""Files of workspaces: in a folder, or in object storage by address. Every key lives under its workspace.

A put is atomic: readers see the old content or the whole new one. A folder keeps content types in a tree beside the content.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from nexusone.kernel.errors import Forbidden, InvalidRequest, NotFound, PayloadTooLarge, Unavailable
from nexusone.platform.signing import SignatureInvalid, SigningKeys

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SIZE_BYTES_MAX = 5 * 2**30
PART_BYTES = 5 * 2**20
# Two parts on their way bound a stream's memory at about 15 MiB and still overlap reading with sending.
PARTS_AT_ONCE = 2
READ_BYTES = 256 * 1024
KEY_LENGTH_MAX = 512
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=@+-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9_.=@+-]{0,127}){0,15}")
CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}(; ?[a-z]+=[A-Za-z0-9_.\"-]+)?")
CONTENT_TYPE_UNKNOWN = "application/octet-stream"
LINK = re.compile(rb"blob\|([0-9a-f-]{36})\|(\d{1,12})\|(.+)")


class BlobKeyRefused(InvalidRequest):
    """The key is not slash-separated segments of letters, digits and `_.=@+-` that begin with a letter, digit or `_`."""

    code = "blob.key_refused"


class BlobNotFound(NotFound):
    """The workspace has no blob under that key."""

    code = "blob.not_found"


class BlobTooLarge(PayloadTooLarge):
    """The content has more than `size_bytes_max` bytes; nothing was stored."""

    code = "blob.too_large"


class BlobRangeRefused(InvalidRequest):
    """The range is empty or begins past the end of the blob's `size_bytes`."""

    code = "blob.range_refused"
    status = 416


class BlobLinkRefused(Forbidden):
    """The link is forged, changed or past its time."""

    code = "blob.link_refused"


class BlobStoreUnavailable(Unavailable):
    """The object storage does not answer or refuses us."""

    code = "blob.store_unavailable"


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A line of a listing; `etag` changes with the content."""

    key: str
    size_bytes: int
    modified_at: datetime
    etag: str | None


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob being read: `chunks` are the bytes `first_byte` up to before `end_byte`, to be iterated once."""

    entry: BlobEntry
    content_type: str
    first_byte: int
    end_byte: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class BlobHead:
    """What is known of a blob without reading it."""

    entry: BlobEntry
    content_type: str


class Blobs:
    """The blob store. Refusals: BlobKeyRefused from every method that takes a key, BlobStoreUnavailable from all."""

    def __init__(self, store: "ObjectStore", *, size_bytes_max: int = SIZE_BYTES_MAX) -> None:
        self._store, self._size_bytes_max = store, size_bytes_max
        self._folder = store.prefix if isinstance(store, LocalStore) else None

    @classmethod
    def at(cls, address: str, *, size_bytes_max: int = SIZE_BYTES_MAX) -> "Blobs":
        """By address: a folder's path (made if absent), `s3://bucket/prefix`, `gs://…`, `az://…`, `memory:///`.

        Object storage takes its credentials and endpoint from the environment variables of its own tools.
        """
        if "://" in address and not address.startswith("file://"):
            return cls(from_url(address), size_bytes_max=size_bytes_max)
        folder = Path(address.removeprefix("file://")).absolute()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(LocalStore(folder), size_bytes_max=size_bytes_max)

    async def put(self, workspace_id: UUID, key: str, content: bytes | AsyncIterator[bytes], content_type: str) -> int:
        """Stores the content, replacing what was there; answers its size in bytes. A key is never also a folder of other keys.

        A stream is sent in parts with constant memory, and is stored only if it ends without an error. Raises: BlobTooLarge.
        """
        path, counted = _path(workspace_id, key), _Counted(content, self._size_bytes_max)
        if not CONTENT_TYPE.fullmatch(content_type):
            raise ValueError("a content type looks like image/png")
        attributes = None if self._folder else {"Content-Type": content_type}
        with _answering():
            if self._folder:
                await obstore.put_async(self._store, _type_path(path), content_type.encode())
            await obstore.put_async(
                self._store, path, counted.content, attributes=attributes, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
            )
        if self._folder:
            await asyncio.to_thread(_sync, self._folder / path)
        return counted.size_bytes

    async def get(self, workspace_id: UUID, key: str, *, first_byte: int = 0, end_byte: int | None = None) -> Blob:
        """The blob, streamed; or its bytes from `first_byte` up to before `end_byte`. Raises: BlobNotFound, BlobRangeRefused."""
        path = _path(workspace_id, key)
        options: obstore.GetOptions = {}
        if first_byte or end_byte is not None:
            size = (await self.head(workspace_id, key)).entry.size_bytes
            options["range"] = _range(first_byte, end_byte, size)
        with _answering(key):
            found = await obstore.get_async(self._store, path, options=options)
            content_type = await self._content_type(path, found.attributes)
        start, end = found.range
        return Blob(_entry(found.meta, workspace_id), content_type, start, end, _chunks(found, key))

    async def head(self, workspace_id: UUID, key: str) -> BlobHead:
        """Size, type and time of the blob. Raises: BlobNotFound."""
        path = _path(workspace_id, key)
        with _answering(key):
            found = await obstore.get_async(self._store, path, options={"head": True})
            return BlobHead(_entry(found.meta, workspace_id), await self._content_type(path, found.attributes))

    async def delete(self, workspace_id: UUID, key: str) -> None:
        """Deletes the blob; that there is none is no error."""
        path = _path(workspace_id, key)
        for each in (path, _type_path(path)) if self._folder else (path,):
            await self._delete(each)

    async def delete_all(self, workspace_id: UUID) -> int:
        """Deletes everything the workspace has; answers how many blobs that were."""
        count = 0
        async for entry in self.list_blobs(workspace_id):
            await self.delete(workspace_id, entry.key)
            count += 1
        return count

    async def list_blobs(self, workspace_id: UUID, folder: str = "") -> AsyncIterator[BlobEntry]:
        """The workspace's blobs, or those in a folder and below (`images`, not a part of a name), in no order."""
        prefix = _path(workspace_id, folder) if folder else str(workspace_id)
        with _answering():
            async for batch in obstore.list(self._store, prefix, chunk_size=500):
                for meta in batch:
                    yield _entry(meta, workspace_id)

    async def _content_type(self, path: str, attributes: Mapping[str, str]) -> str:
        if not self._folder:
            return attributes.get("Content-Type", CONTENT_TYPE_UNKNOWN)
        try:
            found = await obstore.get_async(self._store, _type_path(path))
        except FileNotFoundError:
            return CONTENT_TYPE_UNKNOWN
        return bytes(await found.bytes_async()).decode()

    async def _delete(self, path: str) -> None:
        with _answering():
            try:
                await obstore.delete_async(self._store, path)
            except FileNotFoundError:
                return


def sign_link(workspace_id: UUID, key: str, *, expires_at: datetime, keys: SigningKeys) -> str:
    """A token that lets whoever has it read that blob until `expires_at`, to the second."""
    _path(workspace_id, key)
    return keys.sign(f"blob|{workspace_id}|{int(expires_at.timestamp())}|{key}".encode())


def verify_link(token: str, *, now: datetime, keys: SigningKeys) -> tuple[UUID, str]:
    """The workspace and key that the token opens. Raises: BlobLinkRefused."""
    try:
        link = LINK.fullmatch(keys.verify(token))
    except SignatureInvalid as invalid:
        raise BlobLinkRefused from invalid
    if link is None or now >= datetime.fromtimestamp(int(link[2]), UTC):
        raise BlobLinkRefused
    return UUID(link[1].decode()), link[3].decode()


class _Counted:
    def __init__(self, content: bytes | AsyncIterator[bytes], size_bytes_max: int) -> None:
        self.size_bytes, self._size_bytes_max = 0, size_bytes_max
        self.content: bytes | AsyncIterator[bytes]
        if isinstance(content, bytes):
            self._add(content)
            self.content = content
        else:
            self.content = self._counting(content)

    async def _counting(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._add(chunk)
            yield chunk

    def _add(self, chunk: bytes) -> None:
        self.size_bytes += len(chunk)
        if self.size_bytes > self._size_bytes_max:
            raise BlobTooLarge(size_bytes_max=self._size_bytes_max)


@contextmanager
def _answering(key: str = "") -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as missing:
        if not key:
            raise
        raise BlobNotFound(key=key) from missing
    except BaseError as failure:
        raise BlobStoreUnavailable from failure


async def _chunks(found: "obstore.GetResult", key: str) -> AsyncIterator[bytes]:
    with _answering(key):
        async for chunk in found.stream(min_chunk_size=READ_BYTES):
            yield bytes(chunk)


def _range(first_byte: int, end_byte: int | None, size_bytes: int) -> tuple[int, int]:
    end = size_bytes if end_byte is None else min(end_byte, size_bytes)
    if not 0 <= first_byte < end:
        raise BlobRangeRefused(size_bytes=size_bytes)
    return first_byte, end


def _path(workspace_id: UUID, key: str) -> str:
    if len(key) > KEY_LENGTH_MAX or not KEY.fullmatch(key):
        raise BlobKeyRefused
    return f"{workspace_id}/{key}"


def _type_path(path: str) -> str:
    return f"types/{path}"


def _entry(meta: "obstore.ObjectMeta", workspace_id: UUID) -> BlobEntry:
    key = meta["path"].removeprefix(f"{workspace_id}/")
    return BlobEntry(key, meta["size"], meta["last_modified"], meta["e_tag"])


def _sync(path: Path) -> None:
    # The rename is atomic, but only this makes content and name survive a power cut.
    for each in (path, path.parent):
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

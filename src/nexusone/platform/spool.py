"""Records that outlive their process before the database has them: appended to files, taken in batches, deleted after the commit.

Window of loss. `append` hands the record to the kernel before it returns, so kill -9 loses nothing that was appended. Power loss
takes at most what the last `sync` (every second while something waits) did not cover and the database did not have yet.
A batch whose confirmation was lost comes again: consumers leave out records that they know by id.
"""

import asyncio
import fcntl
import os
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import structlog

from nexusone.kernel.ids import new_id

FRAME = struct.Struct(">II")
RECORD_BYTES_MAX = 16 * 1024
# A segment is written to the database in one go; more of it would keep the event loop from answering for too long.
SEGMENT_BYTES_MAX = 128 * 1024
SPOOL_BYTES_MAX = 1024**3
SUFFIX = ".segment"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """The whole records of one segment, oldest first; `torn_bytes` at its end could not be read."""

    path: Path
    records: list[bytes]
    torn_bytes: int


class Spool:
    """One process's records under `folder`, which several processes share; each has a folder and a lock of its own.

    For one event loop: only reading and syncing leave its thread. Nothing is made on disk before the first append.
    """

    def __init__(self, folder: Path, *, segment_bytes_max: int = SEGMENT_BYTES_MAX, bytes_max: int = SPOOL_BYTES_MAX) -> None:
        self._folder = folder
        self._home = folder / str(new_id())
        self._segment_bytes_max, self._bytes_max = segment_bytes_max, bytes_max
        self._lock: int | None = None
        self._active: int | None = None
        self._active_path = Path()
        self._active_bytes = self._sealed_bytes = self._number = 0
        self._sealed: deque[tuple[Path, int]] = deque()
        self._unsynced: list[Path] = []
        self.lost = 0

    @property
    def waiting_bytes(self) -> int:
        """How much is on disk and not confirmed."""
        return self._sealed_bytes + self._active_bytes

    def append(self, record: bytes) -> bool:
        """Writes a record of 1 to 16,384 bytes; False (counted in `lost`) where the disk or the spool is full."""
        if not 0 < len(record) <= RECORD_BYTES_MAX:
            raise ValueError(f"a record has 1 to {RECORD_BYTES_MAX} bytes")
        frame = FRAME.pack(len(record), crc32(record)) + record
        try:
            is_written = self.waiting_bytes + len(frame) <= self._bytes_max and self._write(frame)
        except OSError as error:
            _log.error("spool.unwritable", folder=str(self._home), error=str(error))
            is_written = False
        self.lost += not is_written
        return is_written

    def seal(self) -> None:
        """Ends the segment that is being written, so that it can be taken."""
        if self._active is None:
            return
        os.close(self._active)
        self._active = None
        self._sealed.append((self._active_path, self._active_bytes))
        self._unsynced.append(self._active_path)
        self._sealed_bytes += self._active_bytes
        self._active_bytes = 0

    async def take(self) -> Batch | None:
        """The oldest sealed segment, the same one until it is confirmed; None where there is none."""
        if not self._sealed:
            return None
        path, _ = self._sealed[0]
        return await asyncio.to_thread(read_segment, path)

    def confirm(self, batch: Batch) -> None:
        """Forgets a batch that the database has."""
        path, size = self._sealed.popleft()
        if path != batch.path:
            self._sealed.appendleft((path, size))
            raise ValueError("batches are confirmed in the order in which they are taken")
        self._sealed_bytes -= size
        path.unlink(missing_ok=True)

    def adopt(self) -> int:
        """Takes over the segments of processes that are gone; how many there were."""
        if not self._folder.is_dir():
            return 0
        self._open_home()
        with _locked(self._folder / "adoption.lock") as is_mine:
            others = [path for path in self._folder.iterdir() if path.is_dir() and path != self._home] if is_mine else []
            return sum(self._adopt_from(home) for home in others)

    async def sync(self) -> None:
        """Makes what is on disk so far safe against power loss."""
        paths, self._unsynced = self._unsynced, []
        if self._active_bytes:
            paths = [*paths, self._active_path]
        if paths:
            await asyncio.to_thread(_sync_all, paths)

    def close(self) -> None:
        """Leaves what is unconfirmed to whoever adopts it, this spool included; the next append begins anew."""
        self.seal()
        if self._lock is not None:
            if not self._sealed:
                _remove_home(self._home)
            os.close(self._lock)
            self._lock = None
        self._sealed.clear()
        self._unsynced.clear()
        self._sealed_bytes = 0
        self._home = self._folder / str(new_id())

    def _write(self, frame: bytes) -> bool:
        if self._active_bytes + len(frame) > self._segment_bytes_max:
            self.seal()
        if self._active is None:
            self._open_home()
            self._active_path = self._next_path()
            self._active = os.open(self._active_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        written = os.write(self._active, frame)
        if written == len(frame):
            self._active_bytes += written
            return True
        # What follows a torn frame could not be read.
        os.ftruncate(self._active, self._active_bytes)
        return False

    def _open_home(self) -> None:
        if self._lock is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Between making the folder and locking it nobody may take it for a dead process's.
        with _locked(self._folder / "adoption.lock", waits=True):
            self._home.mkdir(mode=0o700)
            self._lock = _open_lock(self._home / "lock")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _next_path(self) -> Path:
        self._number += 1
        return self._home / f"{self._number:012d}{SUFFIX}"

    def _adopt_from(self, home: Path) -> int:
        with suppress(FileNotFoundError), _locked(home / "lock") as is_mine:
            if is_mine:
                found = sorted(home.glob(f"*{SUFFIX}"))
                for path in found:
                    self._adopt_segment(path)
                _remove_home(home)
                return len(found)
        return 0

    def _adopt_segment(self, path: Path) -> None:
        size, mine = path.stat().st_size, self._next_path()
        path.rename(mine)
        self._sealed.append((mine, size))
        self._sealed_bytes += size


def read_segment(path: Path) -> Batch:
    """The whole records of a segment; it ends at the first frame that is torn or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        # Taken away by somebody; waiting for it would hold up all that follow.
        content = b""
    records: list[bytes] = []
    position = 0
    while (frame := _frame_at(content, position)) is not None:
        records.append(frame)
        position += FRAME.size + len(frame)
    return Batch(path=path, records=records, torn_bytes=len(content) - position)


def _frame_at(content: bytes, position: int) -> bytes | None:
    start = position + FRAME.size
    if start > len(content):
        return None
    length, checksum = FRAME.unpack_from(content, position)
    record = content[start : start + length]
    # Length 0 is what a file system leaves of a tail that never reached the disk.
    is_whole = 0 < length <= RECORD_BYTES_MAX and len(record) == length and crc32(record) == checksum
    return record if is_whole else None


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def _locked(path: Path, *, waits: bool = False) -> Iterator[bool]:
    handle = _open_lock(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _remove_home(home: Path) -> None:
    # Another process may have it open to see whether it is adopted; then that one removes it.
    with suppress(OSError):
        (home / "lock").unlink(missing_ok=True)
        home.rmdir()


def _sync_all(paths: list[Path]) -> None:
    for path in paths:
        with suppress(FileNotFoundError), path.open("rb") as file:
            os.fsync(file.fileno())

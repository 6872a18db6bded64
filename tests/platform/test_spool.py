"""Records in files: nothing appended is lost by kill -9, torn tails are passed over, the dead leave heirs."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.kernel.errors import Unavailable
from nexusone.platform.spool import FRAME, Spool, read_segment
from nexusone.platform.spool_flushing import flush, flushing

# Says of every record that it is appended, then is killed at whatever it is doing.
WRITER = """
import sys
from pathlib import Path
from nexusone.platform.spool import Spool

spool = Spool(Path(sys.argv[1]), segment_bytes_max=20_000)
number = 0
while True:
    assert spool.append(b"%08d" % number + b"x" * (number % 700))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
    if number % 50 == 0:
        spool.seal()
"""


class Kept:
    """A database stand-in: keeps records, refuses while `is_down`."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.is_down = False

    async def write(self, records: Sequence[bytes]) -> None:
        if self.is_down:
            raise Unavailable
        self.records.extend(records)


async def taken(spool: Spool) -> list[bytes]:
    kept = Kept()
    await flush(spool, kept.write)
    return kept.records


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.segment"))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def write_until_killed(folder: Path) -> int:
    """The last record that a killed process surely appended."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"0\n"
        time.sleep(random.uniform(0.02, 0.12))
        child.send_signal(signal.SIGKILL)
        whole_lines = child.stdout.read().split(b"\n")[:-1]
    return int(whole_lines[-1]) if whole_lines else 0


async def test_records_come_back_in_order_and_their_files_go(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes_max=100)
    records = [b"record %d" % number for number in range(50)]
    assert all(spool.append(record) for record in records)
    assert len(segments(tmp_path)) > 5
    assert await taken(spool) == records
    assert segments(tmp_path) == []
    assert spool.waiting_bytes == 0
    spool.close()
    assert names(tmp_path) == ["adoption.lock"]


async def test_an_unconfirmed_batch_comes_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"one")
    spool.seal()
    first, second = await spool.take(), await spool.take()
    assert first == second
    assert first is not None
    spool.confirm(first)
    assert await spool.take() is None
    spool.close()


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8),
    cut=st.integers(min_value=0),
    flip=st.integers(min_value=0),
)
def test_a_damaged_tail_costs_only_what_is_damaged(
    records: list[bytes], cut: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder)
    for record in records:
        spool.append(record)
    spool.seal()
    path = segments(folder)[0]
    content = path.read_bytes()
    length = cut % (len(content) + 1)
    path.write_bytes(content[:length])
    whole = read_segment(path)
    assert whole.records == records[: len(whole.records)]
    assert sum(FRAME.size + len(record) for record in whole.records) + whole.torn_bytes == length
    assert whole.torn_bytes < FRAME.size + 60
    place = flip % len(content)
    path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
    assert read_segment(path).records == records[: len(read_segment(path).records)]
    assert len(read_segment(path).records) < len(records)
    path.write_bytes(content + bytes(64))
    assert read_segment(path).records == records
    spool.close()


async def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    heir = Spool(tmp_path)
    for _ in range(4):
        acknowledged = await asyncio.to_thread(write_until_killed, tmp_path)
        assert heir.adopt() > 0
        numbers = [int(record[:8]) for record in await taken(heir)]
        assert numbers == list(range(len(numbers)))
        # The last may have been appended and not yet been told of.
        assert acknowledged + 1 <= len(numbers) <= acknowledged + 2
    heir.close()
    assert names(tmp_path) == ["adoption.lock"]


async def test_the_living_are_not_inherited_and_the_dead_by_one_only(tmp_path: Path) -> None:
    living, first, second = Spool(tmp_path), Spool(tmp_path), Spool(tmp_path)
    living.append(b"mine")
    assert first.adopt() == second.adopt() == 0
    os.close(living._lock or -1)  # as the kernel does when a process ends
    assert [first.adopt(), second.adopt()] == [1, 0]
    assert await taken(first) == [b"mine"]
    assert await taken(second) == []
    first.close()
    second.close()


async def test_a_closed_spool_can_begin_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for word in (b"one", b"two"):
        spool.append(word)
        spool.close()
    assert spool.waiting_bytes == 0
    spool.append(b"three")
    assert spool.adopt() == 2
    assert sorted(await taken(spool)) == [b"one", b"three", b"two"]
    spool.close()


async def test_a_segment_that_somebody_took_away_holds_nothing_up(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(b"one")
    spool.seal()
    segments(tmp_path)[0].unlink()
    spool.append(b"two")
    assert await taken(spool) == [b"two"]
    spool.close()


async def test_closing_leaves_what_waits_to_the_next(tmp_path: Path) -> None:
    spool, following = Spool(tmp_path), Spool(tmp_path)
    spool.append(b"left")
    spool.close()
    assert following.adopt() == 1
    assert await taken(following) == [b"left"]
    following.close()


async def test_a_full_spool_and_a_full_disk_refuse_without_harm(tmp_path: Path) -> None:
    spool = Spool(tmp_path, bytes_max=100)
    assert [spool.append(b"x" * 40) for _ in range(4)] == [True, True, False, False]
    assert spool.lost == 2
    assert len(await taken(spool)) == 2
    assert spool.append(b"x" * 40)
    spool.close()


async def test_a_refusing_database_gets_everything_later_and_once(tmp_path: Path) -> None:
    spool, kept = Spool(tmp_path), Kept()
    kept.is_down = True
    async with flushing(spool, kept.write, every_seconds=0.01):
        for number in range(100):
            spool.append(b"%d" % number)
            await asyncio.sleep(0.001)
        assert kept.records == []
        assert len(segments(tmp_path)) == 2
        kept.is_down = False
        for _ in range(100):
            await asyncio.sleep(0.02)
            if len(kept.records) == 100:
                break
        assert kept.records == [b"%d" % number for number in range(100)]
        spool.append(b"at the end")
    assert kept.records[-1] == b"at the end"


async def test_syncing_while_writing_is_harmless(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(20):
        spool.append(b"%d" % number)
        if number % 3 == 0:
            spool.seal()
        await spool.sync()
    assert len(await taken(spool)) == 20
    spool.close()


@pytest.mark.parametrize("record", [b"", b"x" * 16_385])
def test_a_record_has_a_length(record: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Spool(tmp_path).append(record)

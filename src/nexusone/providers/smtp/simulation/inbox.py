"""The mails the server took: append-only segment files, and an index of them in memory.

A segment is named after its first mail's number, so numbers never come again, not even after clearing.
A record is one line of JSON and the mail's bytes. The oldest mails go when there are too many.
"""

import bisect
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

MAILS_MAX = 50_000
BYTES_MAX = 268_435_456
SEGMENT_BYTES = 8_388_608
HEADER_LINE_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Mail:
    """One received mail; its bytes lie in `segment` at `offset`."""

    number: int
    received_at: datetime
    mail_from: str
    recipients: tuple[str, ...]
    size_bytes: int
    segment: Path
    offset: int

    @property
    def id(self) -> str:
        """The number as a fixed-width text, so that ids sort like numbers."""
        return f"{self.number:012d}"


class Inbox:
    """Received mails, oldest first by number. What `add` wrote is on its way to disk only after `flush`."""

    def __init__(self, folder: Path, *, mails_max: int = MAILS_MAX, bytes_max: int = BYTES_MAX, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder, self._mails_max, self._bytes_max, self._segment_bytes = folder, mails_max, bytes_max, segment_bytes
        self._mails: dict[int, Mail] = {}
        self._numbers_by_recipient: dict[str, list[int]] = {}
        self._bytes = 0
        self._first = self._next = 1
        self._segment = folder
        self._offset = 0
        self._file: BinaryIO | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._load()

    def add(self, *, mail_from: str, recipients: tuple[str, ...], content: bytes, received_at: datetime) -> Mail:
        """Stores a mail."""
        record = {"at": received_at.isoformat(), "from": mail_from, "to": recipients, "size": len(content)}
        head = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        file = self._open_segment()
        mail = Mail(
            number=self._next,
            received_at=received_at,
            mail_from=mail_from,
            recipients=recipients,
            size_bytes=len(content),
            segment=self._segment,
            offset=self._offset + len(head),
        )
        file.write(head)
        file.write(content)
        self._offset += len(head) + len(content)
        self._remember(mail)
        self._prune()
        return mail

    def flush(self) -> None:
        """Gives what was added to the operating system, so that it outlives this process."""
        if self._file is not None:
            self._file.flush()

    def find(self, number: int) -> Mail | None:
        """The mail with this number, if it is still here."""
        return self._mails.get(number)

    def content(self, mail: Mail) -> bytes:
        """The mail's bytes as they were received; empty if it has been pruned meanwhile."""
        self.flush()
        try:
            with mail.segment.open("rb") as file:
                file.seek(mail.offset)
                return file.read(mail.size_bytes)
        except FileNotFoundError:
            return b""

    def list_before(self, number: int | None, *, recipient: str | None, limit: int) -> list[Mail]:
        """Up to `limit` mails, newest first, older than `number` (None: from the newest)."""
        numbers = self._numbers(recipient)
        end = len(numbers) if number is None else bisect.bisect_left(numbers, number)
        return [self._mails[found] for found in reversed(numbers[max(0, end - limit) : end])]

    def count(self, *, recipient: str | None = None) -> int:
        """How many mails there are."""
        return len(self._numbers(recipient))

    def clear(self) -> None:
        """Deletes all mails."""
        self.close()
        for segment in self._segments():
            segment.unlink()
        self._mails.clear()
        self._numbers_by_recipient.clear()
        self._bytes, self._first = 0, self._next
        self._open_segment()

    def close(self) -> None:
        """Closes the file under way; adding opens a new one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _numbers(self, recipient: str | None) -> range | list[int]:
        if recipient is None:
            return range(self._first, self._next)
        return self._numbers_by_recipient.get(recipient.lower(), [])

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("mails-*.log"))

    def _open_segment(self) -> BinaryIO:
        if self._file is not None and self._offset >= self._segment_bytes:
            self.close()
        if self._file is None:
            self._segment, self._offset = self._folder / f"mails-{self._next:012d}.log", 0
            self._file = self._segment.open("wb")
        return self._file

    def _remember(self, mail: Mail) -> None:
        self._mails[mail.number] = mail
        self._bytes += mail.size_bytes
        self._next = mail.number + 1
        for recipient in {recipient.lower() for recipient in mail.recipients}:
            self._numbers_by_recipient.setdefault(recipient, []).append(mail.number)

    def _prune(self) -> None:
        while len(self._mails) > self._mails_max or (self._bytes > self._bytes_max and len(self._mails) > 1):
            self._forget(self._mails.pop(self._first))

    def _forget(self, mail: Mail) -> None:
        self._first += 1
        self._bytes -= mail.size_bytes
        for recipient in {recipient.lower() for recipient in mail.recipients}:
            numbers = self._numbers_by_recipient[recipient]
            numbers.pop(0)
            if not numbers:
                del self._numbers_by_recipient[recipient]
        oldest = self._mails.get(self._first)
        if oldest is not None and oldest.segment != mail.segment:
            mail.segment.unlink(missing_ok=True)

    def _load(self) -> None:
        for segment in self._segments():
            first = int(segment.stem.removeprefix("mails-"))
            if not self._mails:
                self._first = first
            self._next = first
            self._load_segment(segment)
        self._prune()

    def _load_segment(self, segment: Path) -> None:
        size_bytes = segment.stat().st_size
        with segment.open("rb") as file:
            # A process that died while writing leaves half a record at the end: it was never answered for.
            while (head := file.readline(HEADER_LINE_MAX)).endswith(b"\n"):
                record = json.loads(head)
                mail = Mail(
                    number=self._next,
                    received_at=datetime.fromisoformat(record["at"]),
                    mail_from=record["from"],
                    recipients=tuple(record["to"]),
                    size_bytes=record["size"],
                    segment=segment,
                    offset=file.tell(),
                )
                if mail.offset + mail.size_bytes > size_bytes:
                    break
                self._remember(mail)
                file.seek(mail.size_bytes, 1)

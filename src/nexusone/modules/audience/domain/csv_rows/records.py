"""Bytes into CSV records, each with the physical line it starts on.

A quotation mark that is never closed costs the line it stands on and no other: if its record outgrows the limit or
meets the end of the file, that line is given up and reading goes on at the next one.
"""

import re
from collections import deque
from itertools import islice
from typing import Final, NamedTuple

RECORD_BYTES_MAX = 64 * 1024
DELIMITERS: Final = (",", ";", "\t", "|")

_QUOTED = re.compile(rb'"(?:[^"]|"")*+"')
# For a delimiter @: what stands within quotes; the rest of a field; any number of whole fields with their delimiters.
# As in the csv module, a quotation mark opens only at the start of a field. Possessive, so matching takes linear time.
_GRAMMAR: Final = (
    rb'[^"]*+(?:""[^"]*+)*+',
    rb"[^@]*+",
    rb'(?:(?:"[^"]*+(?:""[^"]*+)*+"[^@]*+|[^"@][^@]*+|)@)*+',
)
_TERMINATOR = re.compile(rb"\r\n?|\n")
_SAMPLE_BYTES = 1000
_UNCLOSED = f"a quotation mark is not closed within {RECORD_BYTES_MAX // 1024} KiB"


Record = tuple[int, str]
"""One record: the line it starts on, and its text as it stands in the file, with its line break."""


class BrokenRecord(NamedTuple):
    """A record that cannot be read, what is left of its `text`, and whether that still has the form of a record."""

    line: int
    code: str
    detail: str
    text: str
    is_whole: bool


class RecordSplitter:
    """Takes bytes as they come and gives records, in the order of the file; `delimiter` is known with the first line."""

    def __init__(self) -> None:
        self.delimiter: str | None = None
        self._carry = b""
        self._next_line = 1
        self._dropped: bytes | None = None
        self._window: deque[bytes] = deque()
        # Lines of the window after the first that are known to lie wholly within quotes, if the line before them does.
        self._inside = 0
        self._inside_bytes = 0
        self._is_open = False

    def feed(self, chunk: bytes) -> list[Record | BrokenRecord]:
        """The records that are complete now."""
        out: list[Record | BrokenRecord] = []
        fresh = self._carry + chunk
        if self._dropped is not None:
            fresh = self._drop(fresh, out)
        # A carriage return at the very end may be half of a line break.
        cut = max(fresh.rfind(b"\n"), fresh.rfind(b"\r", 0, -1)) + 1
        self._carry = fresh[cut:]
        self._take(fresh[:cut], out)
        if len(self._carry) > RECORD_BYTES_MAX:
            self._dropped, self._carry = self._carry[:_SAMPLE_BYTES], self._carry[-1:]
        return out

    def finish(self) -> list[Record | BrokenRecord]:
        """The records that the end of the file completes."""
        out: list[Record | BrokenRecord] = []
        if self._dropped is not None:
            self._over_long(self._dropped, out)
        elif self._carry:
            self._take(self._carry, out)
        self._resolve(out, is_end=True)
        return out

    def _drop(self, fresh: bytes, out: list[Record | BrokenRecord]) -> bytes:
        found = _TERMINATOR.search(fresh)
        if found is None or (found[0] == b"\r" and found.end() == len(fresh)):
            self._carry = fresh[-1:]
            return self._carry
        sample, self._dropped = self._dropped or b"", None
        self._over_long(sample, out)
        return fresh[found.end() :]

    def _take(self, block: bytes, out: list[Record | BrokenRecord]) -> None:
        lines = block.splitlines(keepends=True)
        if lines and self.delimiter is None:
            self._sniff(lines)
        texts = self._plain_texts(block, lines)
        if texts is not None:
            out.extend(zip(range(self._next_line, self._next_line + len(lines)), texts, strict=True))
            self._next_line += len(lines)
            return
        for line in lines:
            if len(line) > RECORD_BYTES_MAX:
                self._over_long(line[:_SAMPLE_BYTES], out)
            elif not self._window and (b'"' not in line or not self._opens.match(line)):
                out.append(_record(self._next_line, line))
                self._next_line += 1
            else:
                self._window.append(line)
                self._next_line += 1
                self._resolve(out, is_end=False)

    def _plain_texts(self, block: bytes, lines: list[bytes]) -> list[str] | None:
        # Most files have no quotation mark and no fault in a whole chunk: such lines need no look of their own.
        if self._window or b'"' in block or b"\0" in block or max(map(len, lines), default=0) > RECORD_BYTES_MAX:
            return None
        try:
            return [line.decode() for line in lines]
        except UnicodeDecodeError:
            return None

    def _sniff(self, lines: list[bytes]) -> None:
        head = next((line for line in lines if line.strip()), b"")
        if head:
            bare = _QUOTED.sub(b"", head).decode(errors="replace")
            self.delimiter = max(DELIMITERS, key=bare.count)
            mark = re.escape(self.delimiter).encode()
            content, field_rest, head_rest = (part.replace(b"@", mark) for part in _GRAMMAR)
            opens = head_rest + rb'"' + content + rb"\Z"
            self._opens = re.compile(opens)
            self._stays_open = re.compile(content + rb'(?:\Z|"' + field_rest + mark + opens + rb")")

    def _over_long(self, sample: bytes, out: list[Record | BrokenRecord]) -> None:
        self._resolve(out, is_end=True)
        detail = f"the line is longer than {RECORD_BYTES_MAX // 1024} KiB"
        out.append(BrokenRecord(self._next_line, "row_too_long", detail, sample.decode(errors="replace"), is_whole=False))
        self._next_line += 1

    def _resolve(self, out: list[Record | BrokenRecord], *, is_end: bool) -> None:
        window = self._window
        while window:
            start = self._next_line - len(window)
            if not self._is_open:
                self._is_open = self._opens.match(window[0]) is not None
                if not self._is_open:
                    out.append(_record(start, self._shift()))
                    continue
            is_within_limit = self._extend()
            if is_within_limit and self._inside + 1 < len(window):
                count = self._inside + 2
                out.append(_record(start, b"".join(islice(window, count))))
                for _ in range(count):
                    window.popleft()
                self._inside = self._inside_bytes = 0
                self._is_open = False
            elif is_within_limit and not is_end:
                return
            else:
                sample = self._shift()[:_SAMPLE_BYTES].decode(errors="replace")
                out.append(BrokenRecord(start, "quote_unclosed", _UNCLOSED, sample, is_whole=False))

    def _extend(self) -> bool:
        # What is once known of a line is kept when a start before it is given up: every line is matched once.
        window, size = self._window, len(self._window[0])
        while self._inside + 1 < len(window):
            line = window[self._inside + 1]
            if size + self._inside_bytes + len(line) > RECORD_BYTES_MAX:
                return False
            if b'"' in line and not self._stays_open.match(line):
                return True
            self._inside += 1
            self._inside_bytes += len(line)
        return True

    def _shift(self) -> bytes:
        first = self._window.popleft()
        self._is_open = False
        if self._inside:
            self._inside -= 1
            self._inside_bytes -= len(self._window[0])
        return first


def _record(line: int, raw: bytes) -> Record | BrokenRecord:
    if b"\0" in raw:
        text = raw.decode(errors="replace").replace("\0", "\ufffd")
        return BrokenRecord(line, "nul_byte", "the row contains a NUL byte", text, is_whole=True)
    try:
        return line, raw.decode()
    except UnicodeDecodeError as broken:
        detail = f"the row is not UTF-8: byte {raw[broken.start]:#04x} after {broken.start} bytes"
        return BrokenRecord(line, "encoding_broken", detail, raw.decode(errors="replace"), is_whole=True)

"""Records into contacts, in batches, with a fault for every row that is not taken."""

import csv
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from nexusone.modules.audience.domain.contact import IDENTIFIERS, AttributeValue, NormalisedContact, normalise
from nexusone.modules.audience.domain.csv_rows.columns import Columns, FileFault, UnreadableFile, read_columns
from nexusone.modules.audience.domain.csv_rows.records import BrokenRecord, Record, RecordSplitter

FIELD_LENGTH_MAX = 10_000
# JSON readers keep whole numbers up to here; longer ones are rather account numbers and stay text.
_EXACT_INTEGER_MAX = 2**53 - 1
_CANONICAL_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,16})?")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_PIECE_BYTES = 256 * 1024
_BATCH_TEXT_MAX = 4 * 1024 * 1024
_SAMPLE_LENGTH = 1000
_WORDS: Final[Mapping[str, AttributeValue]] = {"true": True, "false": False, "": None}


class ImportRow(NamedTuple):
    """A row that is taken: the line it starts on, the contact, and the row as written."""

    line: int
    contact: NormalisedContact
    text: str


class RowFault(NamedTuple):
    """A row that is not taken: the line it starts on, a stable code, a sentence, and its cells as far as they can be read."""

    line: int
    code: str
    reason: str
    cells: Sequence[str]


class RowBatch(NamedTuple):
    """Rows and faults in the order of the file, up to the row that starts on `last_line`."""

    rows: list[ImportRow]
    faults: list[RowFault]
    last_line: int


def row_keys(row: ImportRow) -> list[tuple[str, str]]:
    """The identifiers of the row as (field, stored spelling), by which a caller finds repetitions across batches."""
    contact = row.contact
    named = zip(IDENTIFIERS, (contact.external_id, contact.email, contact.phone), strict=True)
    return [(field, value) for field, value in named if value is not None]


class RowReader:
    """Reads one file: bytes in, batches of at most `batch_rows` rows out; where chunks are cut makes no difference.

    `mapping` is described at `read_columns`. Within a batch a later row that repeats an identifier in `unique_fields`
    is a fault. Methods raise UnreadableFile where the file as a whole cannot be imported.
    """

    def __init__(
        self,
        *,
        mapping: Mapping[str, str | None] | None = None,
        batch_rows: int = 5000,
        unique_fields: Sequence[str] = IDENTIFIERS,
    ) -> None:
        self.columns: Columns | None = None
        self._mapping = mapping or {}
        self._batch_rows = batch_rows
        self._unique_positions = tuple(IDENTIFIERS.index(field) for field in unique_fields)
        self._splitter = RecordSplitter()
        self._head: bytes | None = b""
        self._begin_batch()

    def read(self, chunks: Iterable[bytes]) -> Iterator[RowBatch]:
        """The batches of a file that is at hand."""
        for chunk in chunks:
            yield from self.feed(chunk)
        yield from self.finish()

    async def stream(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[RowBatch]:
        """The batches of a file that is still arriving."""
        async for chunk in chunks:
            for batch in self.feed(chunk):
                yield batch
        for batch in self.finish():
            yield batch

    def feed(self, chunk: bytes) -> Iterator[RowBatch]:
        """The batches that are full now."""
        for start in range(0, len(chunk), _PIECE_BYTES):
            piece = self._without_mark(chunk[start : start + _PIECE_BYTES])
            yield from self._take(self._splitter.feed(piece))

    def finish(self) -> Iterator[RowBatch]:
        """The last batches."""
        if self._head:
            head, self._head = self._head, None
            yield from self._take(self._splitter.feed(head))
        yield from self._take(self._splitter.finish())
        if self.columns is None:
            raise UnreadableFile(FileFault("file_empty", "the file has no header line"))
        if self._rows or self._faults:
            yield self._end_batch()

    def _without_mark(self, piece: bytes) -> bytes:
        if self._head is None:
            return piece
        head = self._head + piece
        if len(head) < len(_UTF8_MARK):
            self._head = head
            return b""
        self._head = None
        if head.startswith(_UTF16_MARKS):
            raise UnreadableFile(FileFault("encoding_not_utf8", "the file is UTF-16; save it as UTF-8"))
        return head.removeprefix(_UTF8_MARK)

    def _take(self, records: list[Record | BrokenRecord]) -> Iterator[RowBatch]:
        # Every text is exactly one record, so the reader gives exactly one row for each.
        parsed = csv.reader((record[1] for record in records if type(record) is tuple), delimiter=self._splitter.delimiter or ",")
        for record in records:
            if isinstance(record, BrokenRecord):
                self._refuse_record(record)
                line, text = record.line, record.text
            else:
                line, text = record
                cells = next(parsed)
                if not cells or (len(cells) == 1 and cells[0].isspace()):
                    continue
                if self.columns is None:
                    self.columns = read_columns(cells, mapping=self._mapping)
                    continue
                self._take_row(line, cells, columns=self.columns, text=text)
            self._last_line = line
            self._count += 1
            self._text_length += len(text)
            if self._count >= self._batch_rows or self._text_length >= _BATCH_TEXT_MAX:
                yield self._end_batch()

    def _refuse_record(self, record: BrokenRecord) -> None:
        if self.columns is None:
            raise UnreadableFile(FileFault("header_unreadable", f"line {record.line}, the header: {record.detail}"))
        cells: Sequence[str] = (record.text.rstrip("\r\n"),)
        if record.is_whole:
            cells = self._cells(record.text)
        self._faults.append(RowFault(record.line, record.code, record.detail, cells))

    def _take_row(self, line: int, cells: list[str], *, columns: Columns, text: str) -> None:
        if len(cells) != len(columns.header):
            reason = f"the row has {len(cells)} columns, the header {len(columns.header)}"
            self._faults.append(RowFault(line, "columns_ragged", reason, cells))
            return
        if len(text) > FIELD_LENGTH_MAX and any(len(cell) > FIELD_LENGTH_MAX for cell in cells):
            reason = f"a field is longer than {FIELD_LENGTH_MAX} characters"
            self._faults.append(RowFault(line, "field_too_long", reason, [cell[:_SAMPLE_LENGTH] for cell in cells]))
            return
        raw: dict[str, object] = {name: cells[at] for at, name in columns.fields}
        if columns.attributes:
            raw["attributes"] = {key: cell_value(cell) for at, key in columns.attributes if (cell := cells[at])}
        contact = normalise(raw)
        if isinstance(contact, list):
            reason = "; ".join(f"{fault.field}: {fault.detail}" for fault in contact)
            self._faults.append(RowFault(line, contact[0].code, reason, cells))
            return
        seen = self._seen
        for at in self._unique_positions:
            first_line = seen[at].get(contact[at])
            if first_line is not None:
                self._faults.append(self.repeated(ImportRow(line, contact, text), field=contact._fields[at], first_line=first_line))
                return
        for at in self._unique_positions:
            if contact[at] is not None:
                seen[at][contact[at]] = line
        self._rows.append(ImportRow(line, contact, text))

    def rejected(self, row: ImportRow, *, code: str, reason: str) -> RowFault:
        """The fault by which a caller turns down a row that was read without one."""
        return RowFault(row.line, code, reason, self._cells(row.text))

    def repeated(self, row: ImportRow, *, field: str, first_line: int) -> RowFault:
        """The fault of a row whose `field` is the same as that of the row on `first_line`."""
        return self.rejected(row, code="repeated_in_file", reason=f"{field}: the same as on line {first_line}")

    def _cells(self, text: str) -> Sequence[str]:
        return next(csv.reader([text], delimiter=self._splitter.delimiter or ","), ())

    def _begin_batch(self) -> None:
        self._rows: list[ImportRow] = []
        self._faults: list[RowFault] = []
        self._seen: list[dict[object, int]] = [{} for _ in IDENTIFIERS]
        self._count = 0
        self._text_length = 0
        self._last_line = 0

    def _end_batch(self) -> RowBatch:
        batch = RowBatch(self._rows, self._faults, self._last_line)
        self._begin_batch()
        return batch


def cell_value(text: str) -> AttributeValue:
    """The attribute that a cell stands for: a number if its text is exactly that number's, true, false, else text.

    Blank is None; 007, 1e5, 1.50 and +49301 stay text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-0123456789" and _CANONICAL_NUMBER.fullmatch(text):
        return _number(text)
    return None if text.isspace() else text


def _number(text: str) -> AttributeValue:
    if "." not in text:
        whole = int(text)
        return whole if abs(whole) <= _EXACT_INTEGER_MAX and text != "-0" else text
    real = float(text)
    return real if repr(real) == text and text != "-0.0" else text

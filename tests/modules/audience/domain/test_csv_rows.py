import asyncio
import csv
import io
import random
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexusone.modules.audience.domain.csv_rows import RowBatch, RowFault, RowReader, UnreadableFile, errors_csv, row_keys
from nexusone.modules.audience.domain.csv_rows.records import RECORD_BYTES_MAX, BrokenRecord, RecordSplitter
from nexusone.modules.audience.domain.csv_rows.rows import cell_value

CELL = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12) | st.sampled_from(['"', '""', "a\nb", "a\r\nb", ",", ""])


def _read(data: bytes, *, chunk_bytes: int = 65536, mapping: dict[str, str | None] | None = None, batch_rows: int = 5000) -> list[RowBatch]:
    reader = RowReader(mapping=mapping, batch_rows=batch_rows)
    return list(reader.read(data[at : at + chunk_bytes] for at in range(0, len(data), chunk_bytes)))


def _only(data: bytes, *, mapping: dict[str, str | None] | None = None) -> RowBatch:
    (batch,) = _read(data, mapping=mapping)
    return batch


def _faults(data: bytes) -> list[tuple[int, str]]:
    return [(fault.line, fault.code) for batch in _read(data) for fault in batch.faults]


def _lines(data: bytes) -> list[int]:
    return [row.line for batch in _read(data) for row in batch.rows]


@given(st.lists(st.tuples(CELL, CELL, CELL), max_size=12), st.sampled_from([",", ";", "\t", "|"]), st.booleans(), st.data())
def test_whatever_rows_a_csv_writer_writes_are_read_back(
    rows: list[tuple[str, ...]], delimiter: str, quote_all: bool, data: st.DataObject
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerows([("x", "y", "z"), *rows])
    raw = text.getvalue().encode()
    splitter = RecordSplitter()
    records = []
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        records += splitter.feed(raw[start:end])
    records += splitter.finish()
    texts = [record[1] for record in records if not isinstance(record, BrokenRecord)]
    read = list(csv.reader(texts, delimiter=splitter.delimiter or ","))
    assert len(texts) == len(records) == len(read)
    assert [tuple(row) for row in read] == [("x", "y", "z"), *rows]
    offsets = _line_starts(raw)
    assert all(raw[offsets[record[0] - 1] :].decode().startswith(record[1]) for record in records)


def _line_starts(raw: bytes) -> list[int]:
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


@given(st.text(st.sampled_from('a,"\n\r ;'), max_size=60))
def test_quotation_marks_open_where_the_csv_module_opens_them(body: str) -> None:
    raw = f"x,y\n{body}"
    splitter = RecordSplitter()
    records = [*splitter.feed(raw.encode()), *splitter.finish()]
    texts = [record[1] for record in records if not isinstance(record, BrokenRecord)]
    assert len(list(csv.reader(texts))) == len(texts)
    if len(texts) == len(records):
        universal = io.StringIO(raw, newline="")
        try:
            assert list(csv.reader(texts)) == list(csv.reader(universal))
        except csv.Error:
            # The module refuses a lone carriage return outside quotes; here it ends the line.
            assert "\r" in raw


MESSY = st.lists(
    st.sampled_from(
        [
            b"u1,a@b.de,1\n", b"u2,,\r\n", b'"u3","c@d.de","x\ny"\n', b'"u4,open\n', b"u5\n", b"\n", b"u6,a,b,c\n", b"u7,\xff,1\n",
            b'u8,"\n', b'",a,"\n', b"u9,\0,1\n", b"u10,x@y.de," + b"z" * 10_001 + b"\n", b"r,r@r.de,1\r", b",,\n", b"u1,q@b.de,2",
        ]
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@given(MESSY, st.integers(1, 40))
@settings(deadline=None)
def test_where_chunks_are_cut_makes_no_difference(body: bytes, chunk_bytes: int) -> None:
    data = b"\xef\xbb\xbfexternal_id,email,n\r\n" + body
    assert _read(data, batch_rows=3, chunk_bytes=chunk_bytes) == _read(data, batch_rows=3)


@given(MESSY)
@settings(deadline=None)
def test_every_line_that_is_not_blank_is_a_row_a_fault_or_part_of_one(body: bytes) -> None:
    batches = _read(b"external_id,email,n\n" + body)
    found = [row.line for batch in batches for row in batch.rows] + [fault.line for batch in batches for fault in batch.faults]
    assert len(found) == len(set(found))
    assert set(found) <= set(range(2, 2 + len(body.splitlines())))


def test_an_unclosed_quotation_mark_at_the_end_costs_its_own_line_only() -> None:
    data = b'external_id,first_name\nu1,Ada\nu2,"Bob\nu3,Cy\nu4,Di\n'
    assert _faults(data) == [(3, "quote_unclosed")]
    assert _lines(data) == [2, 4, 5]


def test_an_unclosed_quotation_mark_swallows_at_most_the_limit_of_a_row() -> None:
    rows = b"".join(b"u%d,Ada\n" % at for at in range(30_000))
    assert len(rows) > 3 * RECORD_BYTES_MAX
    data = b'external_id,first_name\nbad,"Bob\n' + rows
    assert _faults(data) == [(2, "quote_unclosed")]
    assert len(_lines(data)) == 30_000


def test_lines_that_open_quotes_from_within_and_from_without_take_linear_time() -> None:
    body = b'a",b,"c\n' * 60_000
    faults = _faults(b"external_id,first_name,last_name\n" + body)
    assert {code for _, code in faults} == {"quote_unclosed"}
    assert len(faults) == 60_000


def test_a_line_over_the_limit_costs_itself_only() -> None:
    long = b"u2," + b"x" * (5 * RECORD_BYTES_MAX)
    data = b"external_id,first_name\nu1,Ada\n" + long + b"\r\nu3,Cy\n"
    for chunk_bytes in (1000, 65536, len(data)):
        batch = _read(data, chunk_bytes=chunk_bytes)[0]
        assert [(fault.line, fault.code) for fault in batch.faults] == [(3, "row_too_long")]
        assert [row.line for row in batch.rows] == [2, 4]


def test_a_field_over_the_limit_and_a_nul_byte_and_broken_encoding_cost_their_row() -> None:
    data = b"external_id,first_name\nu1," + b"x" * 10_001 + b"\nu2,a\0b\nu3,\xe9t\xe9\nu4,\xc3\xa9t\xc3\xa9\n"
    assert _faults(data) == [(2, "field_too_long"), (3, "nul_byte"), (4, "encoding_broken")]
    assert _lines(data) == [5]
    assert _only(data).faults[2].cells == ["u3", "�t�"]


def test_a_fault_names_the_line_its_row_starts_on() -> None:
    data = b'external_id,first_name,note\nu1,Ada,"two\nlines"\nu2,"Bob\n\nBen"\nu3,Cy,x\n'
    batch = _only(data)
    assert [(fault.line, fault.code, fault.reason) for fault in batch.faults] == [
        (4, "columns_ragged", "the row has 2 columns, the header 3")
    ]
    assert [row.line for row in batch.rows] == [2, 7]
    assert batch.rows[0].contact.attributes == {"note": "two\nlines"}


def test_rows_are_refused_for_what_is_wrong_with_the_contact() -> None:
    data = b"external_id,email,timezone\n,,\n,ada@@example.com,\nu1,,Mars/Olympus\nu2,x@y,Nowhere\n"
    assert _faults(data) == [(2, "identifier_missing"), (3, "email_invalid"), (4, "timezone_unknown"), (5, "email_invalid")]
    assert "timezone: not a time zone" in _only(data).faults[3].reason


def test_a_repeated_identifier_is_refused_and_names_the_first_line() -> None:
    batch = _only(b"external_id,email\nu1,Ada@Example.com\nu2,b@example.com\nu3,ada@example.COM\nu1,c@example.com\n")
    assert [(fault.line, fault.code, fault.reason) for fault in batch.faults] == [
        (4, "repeated_in_file", "email: the same as on line 2"),
        (5, "repeated_in_file", "external_id: the same as on line 2"),
    ]
    assert row_keys(batch.rows[0]) == [("external_id", "u1"), ("email", "ada@example.com")]


def test_a_row_that_is_turned_down_later_keeps_its_cells() -> None:
    reader = RowReader()
    (batch,) = reader.read([b'external_id;first_name\nu1;"A;da"\n'])
    fault = reader.repeated(batch.rows[0], field="external_id", first_line=7)
    assert fault == RowFault(2, "repeated_in_file", "external_id: the same as on line 7", ["u1", "A;da"])


def test_headers_become_fields_and_attributes() -> None:
    batch = _only("External ID;Lifetime Value;Größe;VIP\nu1;12.5;XL;true\n".encode())
    assert batch.rows[0].contact.external_id == "u1"
    assert batch.rows[0].contact.attributes == {"lifetime_value": 12.5, "grosse": "XL", "vip": True}


def test_a_mapping_renames_and_leaves_out() -> None:
    mapping = {"Mail": "email", "Имя": "first_name", "Score": "attributes.points", "Secret": None}
    batch = _only("Mail,Имя,Score,Secret\na@b.de,Ада,7,x\n".encode(), mapping=mapping)
    contact = batch.rows[0].contact
    assert (contact.email, contact.first_name, contact.attributes) == ("a@b.de", "Ада", {"points": 7})


@pytest.mark.parametrize(
    ("header", "mapping", "code"),
    [
        ("", {}, "file_empty"),
        ("email,,x", {}, "column_unnamed"),
        ("email,plan,plan", {}, "column_repeated"),
        ("email,Plan,plan", {}, "column_repeated"),
        ("email,Имя", {}, "column_unusable"),
        ("email,2nd", {}, "column_unusable"),
        ("first_name,plan", {}, "identifier_column_missing"),
        ("email,plan", {"nope": "phone"}, "mapping_unknown_column"),
        ("email,plan", {"plan": "shoe_size"}, "mapping_unknown_field"),
        ("email,plan", {"plan": "attributes.A'; drop"}, "column_unusable"),
        ("email," + ",".join(f"a{at}" for at in range(101)), {}, "too_many_attributes"),
        ("email,plan\0", {}, "header_unreadable"),
        ('email,"plan', {}, "header_unreadable"),
    ],
)
def test_a_file_with_an_unusable_header_is_refused(header: str, mapping: dict[str, str | None], code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        _read(header.encode(), mapping=mapping)
    assert code in {fault.code for fault in refused.value.faults}


def test_a_file_in_utf16_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        _read("email,plan\na@b.de,x\n".encode("utf-16"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42), ("-7", -7), ("0", 0), ("1.5", 1.5), ("-0.25", -0.25), ("10.0", 10.0), ("true", True), ("false", False), (" ", None),
        ("", None), ("007", "007"), ("1.50", "1.50"), ("+5", "+5"), ("1e5", "1e5"), ("-0", "-0"), ("-0.0", "-0.0"),
        ("9007199254740993", "9007199254740993"),
        ("0.1000000000000000055", "0.1000000000000000055"), ("True", "True"), ("٤٢", "٤٢"), ("nan", "nan"), ("1_000", "1_000"), ("-", "-"),
    ],
)  # fmt: skip
def test_a_cell_is_a_number_only_if_its_text_is_exactly_that_number(text: str, value: object) -> None:
    made = cell_value(text)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=HYPERLINK(1)"])
def test_the_errors_file_neutralises_formulas(cell: str) -> None:
    text = errors_csv([RowFault(3, "email_invalid", "email: bad", ["u1", cell])], header=["external_id", cell])
    assert [row[-1] for row in csv.reader(io.StringIO(text, newline=""))] == [f"'{cell}", f"'{cell}"]


def test_the_errors_file_leaves_numbers_and_plain_text_alone() -> None:
    text = errors_csv([RowFault(3, "c", "r", ["+4915112345678", "-12.5", "a=b", 'x"y\nz'])], header=None)
    assert next(csv.reader(io.StringIO(text, newline=""))) == ["3", "c", "r", "+4915112345678", "-12.5", "a=b", 'x"y\nz']


async def test_a_file_that_is_still_arriving_reads_the_same() -> None:
    data = b"email,plan\na@b.de,pro\nbad,free\nc@d.de,free\n"

    async def arriving() -> AsyncIterator[bytes]:
        for at in range(0, len(data), 5):
            await asyncio.sleep(0)
            yield data[at : at + 5]

    assert [batch async for batch in RowReader().stream(arriving())] == _read(data)


def _endless(size: int) -> Iterator[bytes]:
    random_source = random.Random(5)
    yield b"external_id,note\n"
    sent = 0
    block = (
        b"".join(b"%d,%s\n" % (at, b"x" * random_source.randint(1000, 9000)) for at in range(200))
        + b'bad,"open\n'
        + b"long,"
        + b"y" * 300_000
        + b"\n"
    )
    while sent < size:
        yield block
        sent += len(block)


def test_a_file_of_any_size_is_read_in_the_same_memory() -> None:
    peaks = []
    for size in (20_000_000, 200_000_000):
        tracemalloc.start()
        rows = sum(len(batch.rows) for batch in RowReader(unique_fields=()).read(_endless(size)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows > size / 10_000
    assert peaks[1] < 1.5 * peaks[0]
    assert peaks[1] < 40_000_000

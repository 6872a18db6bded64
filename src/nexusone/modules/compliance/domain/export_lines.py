"""Entries as lines of a file: CSV for spreadsheets, JSON for machines."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping

from nexusone.modules.compliance.contracts import AuditEntry, ExportFormat

COLUMNS = tuple(AuditEntry.model_fields)
MEDIA_TYPES: Mapping[ExportFormat, str] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")


def header_of(form: ExportFormat) -> str:
    """What stands before the first entry."""
    return _row(COLUMNS) if form == "csv" else ""


def lines_of(form: ExportFormat, entries: Iterable[AuditEntry]) -> str:
    """One line an entry. A CSV cell that a spreadsheet would run as a formula gets an apostrophe in front."""
    write: Callable[[AuditEntry], str] = _csv_line if form == "csv" else _json_line
    return "".join(map(write, entries))


def _csv_line(entry: AuditEntry) -> str:
    cells = entry.model_dump(mode="json")
    return _row([_neutralised(_cell(cells[name])) for name in COLUMNS])


def _json_line(entry: AuditEntry) -> str:
    return entry.model_dump_json() + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _row(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _neutralised(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell

"""The file that gives rejected rows back: what was wrong on which line, and the row as it was."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

from nexusone.modules.audience.domain.csv_rows.rows import RowFault

_FORMULA = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


def errors_csv(faults: Iterable[RowFault], *, header: Sequence[str] | None) -> str:
    """CSV text with line, code, reason and the columns of the row; with its header line if `header` is given.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front; plain numbers do not need it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header is not None:
        writer.writerow(["line", "code", "reason", *map(_neutralised, header)])
    for fault in faults:
        writer.writerow([fault.line, fault.code, _neutralised(fault.reason), *map(_neutralised, fault.cells)])
    return text.getvalue()


def _neutralised(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell

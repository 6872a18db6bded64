"""Contacts out of a CSV file of any length, in constant memory, each fault with the line its row starts on."""

from nexusone.modules.audience.domain.csv_rows.columns import Columns, FileFault, UnreadableFile
from nexusone.modules.audience.domain.csv_rows.errors_file import errors_csv
from nexusone.modules.audience.domain.csv_rows.rows import ImportRow, RowBatch, RowFault, RowReader, row_keys

__all__ = ["Columns", "FileFault", "ImportRow", "RowBatch", "RowFault", "RowReader", "UnreadableFile", "errors_csv", "row_keys"]

"""Rows become instances of the class that was asked for; JSON columns are read by the fastest parser at hand."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory, class_row
from psycopg.types.json import set_json_loads
from pydantic_core import from_json

from nexusone.kernel.contract import Contract, trusted

R = TypeVar("R")

set_json_loads(from_json)


def row_maker(row: type[R]) -> AsyncRowFactory[R]:
    """The driver's factory for a class: contracts are made without validation, for what is stored was validated before."""
    return _contract_rows(row) if issubclass(row, Contract) else class_row(row)


def _contract_rows(row: type[Any]) -> AsyncRowFactory[Any]:
    def factory(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], Any]:
        result = cursor.pgresult
        names = [(result.fname(index) or b"").decode() for index in range(result.nfields)] if result else []
        return lambda values: trusted(row, dict(zip(names, values, strict=True)))

    return factory

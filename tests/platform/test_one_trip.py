"""Reads in one round trip, when the session forgets what was prepared in it."""

from typing import Any, NamedTuple

import psycopg
import pytest
from tests.conftest import TestDatabase

from nexusone.platform.one_trip import PLAN_LOST, fetch_in_one_trip, forget_plans
from nexusone.platform.sql import sql

SCOPE = "set local role m_platform; set local nexusone.workspace = ''"
ONE, TWO = sql("select %(n)s::int as n"), sql("select %(n)s::int + 1 as n")


class Row(NamedTuple):
    n: int


async def test_plans_that_were_forgotten_but_are_still_there_are_made_anew(database: TestDatabase) -> None:
    connection: psycopg.AsyncConnection[Any]
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as connection:
        for statement in (ONE, TWO):
            await fetch_in_one_trip(connection, SCOPE, Row, statement, {"n": 1})
        await connection.execute("deallocate all")
        forget_plans(connection)
        await fetch_in_one_trip(connection, SCOPE, Row, ONE, {"n": 1})
        with pytest.raises(PLAN_LOST):
            await connection.execute("execute one_trip_unknown")
        forget_plans(connection)
        for statement, answer in ((ONE, 5), (TWO, 6)):
            assert await fetch_in_one_trip(connection, SCOPE, Row, statement, {"n": 5}) == [Row(answer)]

"""One statement, one transaction, one round trip: for the hot reads, where waiting for the wire costs more than the work.

The statement is prepared once per connection. Then role, workspace and execution travel as one simple query, which PostgreSQL runs as
one transaction, so a row it locks is free again before the answer is read. What is not plain is quoted by the driver.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncClientCursor, AsyncConnection
from psycopg.sql import Literal
from psycopg.types.json import Jsonb

from nexusone.platform.rows import row_maker
from nexusone.platform.sql import Sql

R = TypeVar("R")

PLAIN = re.compile(r"[^'\\\x00]*")
PARAMETER = re.compile(r"%\((\w+)\)s|%%")

# A plan is stale after a migration changed what it gives, and gone after a pooler changed the session.
PLAN_LOST = (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName)

_prepared: "WeakKeyDictionary[AsyncConnection[Any], set[str]]" = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Plan:
    name: str
    preparation: LiteralString
    parameters: tuple[str, ...]


async def fetch_in_one_trip(
    connection: AsyncConnection[Any], scope: str, row: type[R], statement: Sql, parameters: dict[str, object]
) -> list[R]:
    """All rows of one statement, committed. `scope` sets role and workspace, in two statements."""
    plan = _plan_of(statement.text)
    known = _prepared.setdefault(connection, set())
    if plan.name not in known:
        await _prepare(connection, scope, plan)
        known.add(plan.name)
    async with AsyncClientCursor(connection, row_factory=row_maker(row)) as cursor:
        await cursor.execute(_joined(scope, _execution(connection, plan, parameters)))
        cursor.nextset()
        cursor.nextset()
        return await cursor.fetchall()


def forget_plans(connection: AsyncConnection[Any]) -> None:
    """After a lost plan: the connection's statements will be prepared anew."""
    _prepared.pop(connection, None)


async def _prepare(connection: AsyncConnection[Any], scope: str, plan: _Plan) -> None:
    # Under the role that will run it: to parse a statement is to be let into its schemas.
    asked = _joined(scope, plan.preparation)
    try:
        await connection.execute(asked)
    except psycopg.errors.DuplicatePreparedStatement:
        # One lost plan makes us forget all; of those, one that is stale or was not lost is still there.
        await connection.execute(f"deallocate {plan.name}")
        await connection.execute(asked)


def _execution(connection: AsyncConnection[Any], plan: _Plan, parameters: dict[str, object]) -> str:
    if not plan.parameters:
        return f"execute {plan.name}"
    values = ", ".join([_literal(connection, parameters[name]) for name in plan.parameters])
    return f"execute {plan.name}({values})"


# The types of the parameters are known to the plan, so literals need none; the driver quotes whatever is not plain.
def _literal(connection: AsyncConnection[Any], value: object) -> str:
    kind = type(value)
    if kind is int or kind is UUID or kind is datetime:
        return f"'{value}'"
    if value is None:
        return "null"
    if kind is Jsonb:
        value, kind = json.dumps(cast("Jsonb", value).obj), str
    if kind is str and PLAIN.fullmatch(str(value)):
        return f"'{value}'"
    return Literal(value).as_string(connection)


def _joined(scope: str, asked: str) -> LiteralString:
    return f"{scope}; {asked}"


@lru_cache(maxsize=512)
def _plan_of(text: str) -> _Plan:
    names: list[str] = []

    def number(found: "re.Match[str]") -> str:
        name = found.group(1)
        if name is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    numbered = PARAMETER.sub(number, text)
    name = f"one_trip_{abs(hash(text)):x}"
    # `prepare` without types lets the server infer them from where the parameters stand.
    return _Plan(name, f"prepare {name} as {numbered}", tuple(names))

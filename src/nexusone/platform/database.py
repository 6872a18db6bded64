"""PostgreSQL: a pool, and transactions that carry a module's role and one workspace.

Every statement runs in a transaction that `Database.transaction` opened: as the module's role, for one workspace
(or none, and then row-level security shows nothing). A second transaction in the same task is refused, so nobody
can ask another module while holding locks.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar, cast
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import scalar_row, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from nexusone.kernel.errors import Conflict, Forbidden, Unavailable
from nexusone.kernel.outcomes import UnknownOutcome
from nexusone.platform.one_trip import PLAN_LOST, fetch_in_one_trip, forget_plans
from nexusone.platform.origin import Origin
from nexusone.platform.rows import row_maker
from nexusone.platform.sql import Sql

R = TypeVar("R")
Parameters = Mapping[str, object]

# What the server itself answers to a COMMIT that it did not do; any other fault of the line leaves it open.
DEFINITE_AT_COMMIT = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
)
MODULE_NAME = re.compile(r"^[a-z]{2,30}$")
ATTEMPTS_MAX = 3
POOL_WAIT_SECONDS = 2.0
CONNECTION_LOST = "the connection was lost"

# A server that went away without a word is noticed: seconds to connect, milliseconds until sent bytes are acknowledged.
LINE: Mapping[str, int] = {"connect_timeout": 5, "tcp_user_timeout": 20_000}


@dataclass(slots=True)
class _Holding:
    module: str
    is_open: bool = True


# Tasks inherit the value from whoever started them, so it must tell by itself that the transaction has ended.
_held: ContextVar[_Holding | None] = ContextVar("held_transaction", default=None)


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer, has no free connection, or gave up on a statement."""

    code = "database.unavailable"


class Contended(Conflict):
    """The same rows were being changed by others, and retrying did not help."""

    code = "database.contended"


class StandingLost(Forbidden):
    """Whoever asked was let in, and lost that right before anything was written."""

    code = "auth.standing_lost"


class TransactionOpen(RuntimeError):
    """A transaction was asked for while this task holds another: reserve, work, settle instead."""


class Transaction:
    """One open transaction. Statements name their parameters; rows become instances of the class asked for."""

    def __init__(self, connection: AsyncConnection[Any], *, module: str, origin: Origin, standing: Sql | None = None) -> None:
        self.connection = connection
        self.module = module
        self.origin = origin
        self._standing = standing if origin.principal.standing is not None else None

    async def execute(self, statement: Sql, parameters: Parameters | None = None) -> int:
        """Runs a statement; returns how many rows it touched."""
        await self._confirm_standing(statement)
        cursor = await self.connection.execute(_text(statement), parameters)
        return cursor.rowcount

    async def execute_many(self, statement: Sql, rows: Sequence[Parameters]) -> None:
        """Runs one statement for each set of parameters, in one pipeline; for dozens of rows, not thousands."""
        await self._confirm_standing(statement)
        async with self.connection.cursor() as cursor:
            await cursor.executemany(_text(statement), rows)

    async def fetch_all(self, row: type[R], statement: Sql, parameters: Parameters | None = None) -> list[R]:
        """All rows."""
        await self._confirm_standing(statement)
        async with self.connection.cursor(row_factory=row_maker(row)) as cursor:
            await cursor.execute(_text(statement), parameters)
            return await cursor.fetchall()

    async def find_one(self, row: type[R], statement: Sql, parameters: Parameters | None = None) -> R | None:
        """The first row, or None."""
        await self._confirm_standing(statement)
        async with self.connection.cursor(row_factory=row_maker(row)) as cursor:
            await cursor.execute(_text(statement), parameters)
            return await cursor.fetchone()

    async def fetch_one(self, row: type[R], statement: Sql, parameters: Parameters | None = None) -> R:
        """The one row that must be there."""
        found = await self.find_one(row, statement, parameters)
        if found is None:
            raise LookupError("a statement that must give a row gave none")
        return found

    async def fetch_value(self, kind: type[R], statement: Sql, parameters: Parameters | None = None) -> R:
        """The first column of the one row that must be there."""
        found = await self.find_value(kind, statement, parameters)
        if found is None:
            raise LookupError("a statement that must give a value gave none")
        return found

    async def find_value(self, kind: type[R], statement: Sql, parameters: Parameters | None = None) -> R | None:
        """The first column of the first row, or None."""
        await self._confirm_standing(statement)
        async with self.connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(_text(statement), parameters)
            return cast("R | None", await cursor.fetchone())

    async def fetch_tuples(self, statement: Sql, parameters: Parameters | None = None) -> list[tuple[Any, ...]]:
        """All rows as plain tuples, for volume."""
        await self._confirm_standing(statement)
        async with self.connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(_text(statement), parameters)
            return await cursor.fetchall()

    async def stream(self, row: type[R], statement: Sql, parameters: Parameters | None = None) -> AsyncIterator[R]:
        """Rows through a server-side cursor, in constant memory."""
        async with self.connection.cursor("rows", row_factory=row_maker(row)) as cursor:
            cursor.itersize = 1000
            await cursor.execute(_text(statement), parameters)
            async for item in cursor:
                yield item

    async def copy_in(self, statement: Sql, rows: Iterable[Sequence[object]], *, types: Sequence[str] | None = None) -> int:
        """`COPY … FROM STDIN`; `types` (names) switches to the binary format. Returns the rows written."""
        await self._confirm_standing(statement)
        cursor: AsyncCursor[Any]
        async with self.connection.cursor() as cursor:
            async with cursor.copy(_text(statement)) as copy:
                if types:
                    copy.set_types(types)
                for values in rows:
                    await copy.write_row(values)
            return cursor.rowcount

    async def copy_out(self, statement: Sql, parameters: Parameters | None = None) -> AsyncIterator[bytes]:
        """`COPY … TO STDOUT`, chunk by chunk."""
        async with self.connection.cursor() as cursor, cursor.copy(_text(statement), parameters) as copy:
            async for chunk in copy:
                yield bytes(chunk)

    async def _confirm_standing(self, statement: Sql) -> None:
        """Before the first write: rights that were taken away since the door do not let it through (AUTHZ-07)."""
        if self._standing is None or statement.text.lstrip()[:6].lower() == "select":
            return
        question, self._standing = self._standing, None
        principal = self.origin.principal
        asked = {
            "workspace_id": self.origin.workspace_id,
            "credential_id": principal.session_id or principal.id,
            "standing": principal.standing,
        }
        async with self.connection.cursor(row_factory=scalar_row) as cursor:
            await cursor.execute(_text(question), asked)
            if await cursor.fetchone() is not True:
                raise StandingLost


class Database:
    """The pool of one process. `url` is the application's login, which owns nothing.

    `standing` asks, as any module, whether a credential (`workspace_id`, `credential_id`) still has its `standing`.
    """

    def __init__(self, url: str, *, connections_max: int, prepares_statements: bool = True, standing: Sql | None = None) -> None:
        self.url = url
        self._standing = standing
        self._prepare_threshold = 5 if prepares_statements else None
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=connections_max,
            open=False,
            timeout=POOL_WAIT_SECONDS,
            max_waiting=connections_max * 50,
            configure=_speak_utc,
            kwargs={"autocommit": True, "prepare_threshold": self._prepare_threshold, "application_name": "nexusone", **LINE},
        )

    async def open(self) -> None:
        """Opens the pool; the first connection is made before it returns."""
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            raise DatabaseUnavailable(reason="no connection within 10 seconds") from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._pool.close()

    def statistics(self) -> Mapping[str, int]:
        """The pool's counters, for metrics."""
        return self._pool.get_stats()

    async def is_ready(self) -> bool:
        """Whether a statement runs within two seconds."""
        # Cancelling a statement waits for the server as well, so the question is left to end by itself.
        asked = asyncio.create_task(self._answers())
        answered, _ = await asyncio.wait({asked}, timeout=POOL_WAIT_SECONDS)
        asked.cancel()
        return bool(answered) and asked.result()

    async def _answers(self) -> bool:
        try:
            async with self._pool.connection() as connection:
                await connection.execute("select 1")
        except (psycopg.Error, PoolTimeout):
            return False
        return True

    @asynccontextmanager
    async def transaction(self, module: str, *, origin: Origin, statement_timeout_seconds: int | None = None) -> AsyncIterator[Transaction]:
        """One transaction as `module`'s role in the origin's workspace; commits on leaving, rolls back on any exception.

        Raises:
            TransactionOpen: this task already holds one.
            DatabaseUnavailable: no connection, or the server gave up on a statement.
            UnknownOutcome: the answer to COMMIT was lost.
        """
        with _alone(module), _translated():
            async with self._pool.connection() as connection:
                await connection.execute(_opening(module, origin.workspace_id, statement_timeout_seconds))
                try:
                    yield Transaction(connection, module=module, origin=origin, standing=self._standing)
                except BaseException:
                    await _roll_back(connection)
                    raise
                await _commit(connection)

    async def fetch_in_one_trip(self, module: str, row: type[R], statement: Sql, parameters: Parameters, *, origin: Origin) -> list[R]:
        """All rows of one statement in a transaction of its own, in one round trip; for hot reads.

        Raises:
            TransactionOpen, DatabaseUnavailable: as `transaction`.
        """
        scope = _scope(module, origin.workspace_id)
        if self._prepare_threshold is None:
            async with self.transaction(module, origin=origin) as tx:
                return await tx.fetch_all(row, statement, parameters)
        with _alone(module), _translated():
            async with self._pool.connection() as connection:
                for is_last in (False, True):
                    try:
                        return await fetch_in_one_trip(connection, scope, row, statement, dict(parameters))
                    except PLAN_LOST:
                        await _roll_back(connection)
                        if is_last:
                            raise
                        forget_plans(connection)
                    except BaseException:
                        await _roll_back(connection)
                        raise
        raise AssertionError("unreachable")

    async def try_in_one_trip(self, module: str, row: type[R], statement: Sql, parameters: Parameters, *, origin: Origin) -> list[R] | None:
        """The same for a statement that writes; None where it ended in a serialization failure or deadlock and was undone.

        Raises:
            UnknownOutcome: the connection was lost before the answer came.
        """
        try:
            return await self.fetch_in_one_trip(module, row, statement, parameters, origin=origin)
        except Contended:
            return None
        except DatabaseUnavailable as error:
            if error.data.get("reason") == CONNECTION_LOST:
                raise UnknownOutcome(detail="the connection was lost before the answer came") from error
            raise


@contextmanager
def _alone(module: str) -> Iterator[None]:
    if (holder := _held.get()) is not None and holder.is_open:
        raise TransactionOpen(f"{module} asked for a transaction while {holder.module}'s is open in this task")
    holding = _Holding(module)
    mark = _held.set(holding)
    try:
        yield
    finally:
        holding.is_open = False
        _held.reset(mark)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable(reason="no free connection", headers={"Retry-After": "2"}) from error
    except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
        raise DatabaseUnavailable(reason="a statement took too long", headers={"Retry-After": "2"}) from error
    except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as error:
        raise Contended(headers={"Retry-After": "1"}) from error
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(reason=CONNECTION_LOST, headers={"Retry-After": "2"}) from error


async def retrying(work: Callable[[], Awaitable[R]]) -> R:
    """Runs `work`, which opens its own transaction, again after a deadlock or serialization failure: three times at most.

    Raises:
        Contended: it failed that way every time.
    """
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            return await work()
        except Contended:
            if attempt == ATTEMPTS_MAX:
                raise
            await asyncio.sleep(random.uniform(0.5, 1.5) * 0.02 * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


async def _speak_utc(connection: AsyncConnection[Any]) -> None:
    # Times are read in the session's zone; in UTC they need no conversion on their way to the wire.
    await connection.execute("set time zone 'UTC'")


def _text(statement: Sql) -> LiteralString:
    return statement.text


def _scope(module: str, workspace_id: UUID | None) -> LiteralString:
    if not MODULE_NAME.match(module):
        raise ValueError(f"{module!r} is not a module")
    return f"set local role m_{module}; set local nexusone.workspace = '{workspace_id or ''}'"


def _opening(module: str, workspace_id: UUID | None, statement_timeout_seconds: int | None) -> LiteralString:
    text = f"begin; {_scope(module, workspace_id)}"
    if statement_timeout_seconds is not None:
        text += f"; set local statement_timeout = '{int(statement_timeout_seconds)}s'"
    return text


async def _roll_back(connection: AsyncConnection[Any]) -> None:
    # A broken or busy connection cannot be rolled back; closing it makes the server do so, and the pool replaces it.
    try:
        async with asyncio.timeout(2):
            await connection.execute("rollback")
    except (psycopg.Error, TimeoutError):
        await connection.close()


async def _commit(connection: AsyncConnection[Any]) -> None:
    try:
        cursor = await connection.execute("commit")
    except DEFINITE_AT_COMMIT:
        await _roll_back(connection)
        raise
    except psycopg.OperationalError as error:
        raise UnknownOutcome(detail="the answer to COMMIT was lost") from error
    if cursor.statusmessage == "ROLLBACK":
        raise DatabaseUnavailable(reason="the transaction was already broken")

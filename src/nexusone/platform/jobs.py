"""Later work: jobs enqueued in the caller's transaction, retried with backoff, dead-lettered with their reason.

With job_fairness.py, the only file that knows the queue library. A job may run twice and a worker may die at any point,
so handlers are idempotent; a job whose worker stopped beating is taken over after `HEARTBEAT_TIMEOUT`.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import psycopg
import structlog
from pgqueuer.adapters.drivers.psycopg import PsycopgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.core.qm import QueueManager
from pgqueuer.core.sm import SchedulerManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Context as QueueContext
from pgqueuer.domain.models import Job as QueueJob
from pgqueuer.domain.models import Schedule as QueueSchedule
from pgqueuer.domain.settings import DBSettings
from pgqueuer.domain.types import JobId, QueueEntrypoint, QueueExecutionMode

from nexusone.kernel.contract import Contract
from nexusone.kernel.errors import Forbidden, Refusal
from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.database import Transaction
from nexusone.platform.job_fairness import FairQueueBuilder
from nexusone.platform.job_history import GIVEN_BACK, SPREAD, DeadLetter, History, steps_of
from nexusone.platform.job_telemetry import observed, trace_headers
from nexusone.platform.origin import SYSTEM, Principal, PrincipalKind
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.telemetry import Metrics

P = TypeVar("P", bound=Contract)

QUEUE_SCHEMA = "queue"
HEARTBEAT_TIMEOUT = timedelta(seconds=20)
CRASHES_MAX = 3
SPREAD_SECONDS = 10.0
SUSPECT_WAIT_SECONDS = 0.5
LOOK_SECONDS = 5.0
BACKOFF_MAX_SECONDS = 300.0
SUSPENDED_PAUSE = timedelta(minutes=5)

_settings = DBSettings(db_schema=QUEUE_SCHEMA)
_log = structlog.get_logger(__name__)


class JobPoisoned(Exception):
    """The job took its worker down again and again; it is set aside."""


class HandlerCancelled(Exception):
    """A handler was cancelled from within; that is a failure like any other."""


class _Suspended(Exception):
    pass


@dataclass(frozen=True, slots=True)
class JobKind(Generic[P]):
    """A kind of later work. Its name is on the wire and never changes.

    Rights are checked again when it runs (AUTHZ-08): whoever left it must still be let in, and have the `permission` that is
    named; else it is refused for good, after `on_refused` (in the system's name) has put in order what waits for it.
    Work that only completes what is decided (`is_completion`) runs all the same, and work that tends to the workspace
    itself (`tends_workspace`) also runs while the workspace is suspended; all else waits until that is over.

    `concurrency` bounds how many run at once over all workers (0: as many as there are); after `attempts_max` failures
    the job becomes a dead letter. A refusal of status below 500 and a failure that is not retryable go there at once.
    """

    name: str
    payload: type[P]
    handler: Callable[[Context, P], Awaitable[None]]
    concurrency: int = 0
    attempts_max: int = 8
    timeout_seconds: float = 600.0
    permission: str | None = None
    is_completion: bool = False
    tends_workspace: bool = False
    on_refused: Callable[[Context, P, Refusal], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Work by the clock (cron, UTC) in the system context; a missed tick is caught up once, and ticks never overlap."""

    name: str
    cron: str
    handler: Callable[[Context], Awaitable[None]]


async def enqueue(
    tx: Transaction, kind: JobKind[P], payload: P, *, after: timedelta | None = None, key: str | None = None, priority: int = 0
) -> None:
    """Leaves a job with the transaction's commit. A second job of the same unfinished `key` is not added."""
    await enqueue_named(tx, [(kind.name, payload)], after=after, key=key, priority=priority)


async def enqueue_named(
    tx: Transaction,
    jobs: Sequence[tuple[str, Contract]],
    *,
    after: timedelta | None = None,
    key: str | None = None,
    priority: int = 0,
) -> None:
    """The same for several jobs in one statement, by name; `key` is joined with each name and the workspace."""
    origin = tx.origin
    headers: dict[str, Any] = {
        "workspace_id": str(origin.workspace_id) if origin.workspace_id else None,
        "principal": [origin.principal.kind, str(origin.principal.id) if origin.principal.id else None],
        "permissions": sorted(origin.principal.permissions),
        "impersonator": str(origin.principal.impersonator) if origin.principal.impersonator else None,
        "is_test": origin.is_test,
        "locale": origin.locale,
        "timezone": origin.timezone,
        "request_id": origin.request_id,
        **trace_headers(),
    }
    await _queries(PsycopgDriver(tx.connection)).enqueue(
        [name for name, _ in jobs],
        [payload.model_dump_json().encode() for _, payload in jobs],
        [priority] * len(jobs),
        [after] * len(jobs),
        [f"{origin.workspace_id}:{name}:{key}" if key else None for name, _ in jobs],
        [headers] * len(jobs),
        on_conflict="skip",
    )


async def list_dead_letters(queue_url: str, *, limit: int = 100) -> list[DeadLetter]:
    """The jobs that were given up on, newest first."""
    async with await _connect(queue_url) as connection:
        queries = _queries(PsycopgDriver(connection))
        letters = []
        for job in await queries.list_failed_jobs(limit):
            reasons = [step.reason for step in await steps_of(queries.driver, job.id) if step.status == "failed" and step.reason]
            letters.append(_dead_letter(job, reasons[-1] if reasons else "unknown"))
        return letters


async def redrive(queue_url: str, *, ids: Sequence[int]) -> list[int]:
    """Puts dead letters back into the queue, with their attempts forgotten; returns those that stay.

    One stays where a later job of the same key is in the queue.
    """
    left = []
    async with await _connect(queue_url) as connection:
        queries = _queries(PsycopgDriver(connection))
        for identifier in ids:
            try:
                await queries.requeue_jobs([JobId(identifier)])
            except psycopg.errors.UniqueViolation:
                left.append(identifier)
    return left


def queue_schema_statements() -> str:
    """The DDL of the queue's tables, for the migration."""
    return QueryBuilderEnvironment(_settings).build_install_query(create_schema=False)


@dataclass
class Worker:
    """Takes jobs and schedules until stopped; after a lost connection it comes back by itself.

    A job whose worker did not beat for `heartbeat_timeout` is taken over. Whoever cancels `run` makes it give back what it runs.
    """

    runtime: Runtime
    queue_url: str
    kinds: Sequence[JobKind[Any]]
    schedules: Sequence[Schedule] = ()
    concurrency: int = 20
    heartbeat_timeout: timedelta = HEARTBEAT_TIMEOUT
    metrics: Metrics | None = None
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _managers: list[QueueManager | SchedulerManager] = field(default_factory=list, init=False)
    _handling: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    suspects: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _is_giving_back: bool = field(default=False, init=False)

    def stop(self) -> None:
        """Takes nothing more; running jobs may finish."""
        self._stopping.set()
        for manager in self._managers:
            manager.shutdown.set()

    async def drain(self) -> None:
        """Works until nothing is due, then returns; for tests and for one-off processes."""
        async with await _connect(self.queue_url) as connection:
            queries = _DueQueries(*_query_parts(_DeafDriver(connection)))
            queue = QueueManager(queries)
            for kind in self.kinds:
                queue.register_executor(kind.name, _Executor.of(kind, self, queries))
            await queue.run(mode=QueueExecutionMode.drain, batch_size=10, dequeue_timeout=timedelta(milliseconds=50))

    async def handle(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a handler so that it can be given back.

        Raises:
            RetryRequested: it was given back.
            HandlerCancelled: it was cancelled from within.
        """
        task = asyncio.create_task(work)
        self._handling.add(task)
        try:
            await task
        except asyncio.CancelledError:
            if self._is_giving_back:
                raise RetryRequested(timedelta(0), GIVEN_BACK) from None
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise HandlerCancelled("the handler was cancelled") from None
        finally:
            self._handling.discard(task)

    async def run(self) -> None:
        """Works until `stop`."""
        while not self._stopping.is_set():
            try:
                await self._run_connected()
            except (psycopg.OperationalError, FailingListenerError) as error:
                _log.warning("queue.connection_lost", error=str(error))
                await self._pause(1.0)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _run_connected(self) -> None:
        async with (
            await _connect(self.queue_url) as jobs_connection,
            await _connect(self.queue_url) as listening_connection,
            await _connect(self.queue_url) as schedules_connection,
        ):
            queries = _queries(_Driver(jobs_connection, listening=listening_connection))
            queue = QueueManager(queries)
            clockwork = SchedulerManager(_queries(PsycopgDriver(schedules_connection)))
            for kind in self.kinds:
                queue.register_executor(kind.name, _Executor.of(kind, self, queries))
            for schedule in self.schedules:
                clockwork.schedule(schedule.name, schedule.cron)(_scheduled(schedule, self.runtime))
            self._managers = [queue, clockwork]
            if self._stopping.is_set():
                return
            cutting = asyncio.create_task(self._give_back_when_cut_off(jobs_connection))
            try:
                await self._run_until_stopped(queue, clockwork)
            finally:
                cutting.cancel()
                await asyncio.gather(cutting, return_exceptions=True)
                self._is_giving_back = False

    async def _give_back_when_cut_off(self, connection: psycopg.AsyncConnection[Any]) -> None:
        # Without the queue nobody hears the heartbeats; after their time others take the jobs over, so they end here.
        while not connection.closed:  # noqa: ASYNC110 - the driver tells nobody when it happens
            await asyncio.sleep(min(1.0, self.heartbeat_timeout.total_seconds() / 4))
        await asyncio.sleep(self.heartbeat_timeout.total_seconds())
        self._give_back()

    def _give_back(self) -> None:
        self._is_giving_back = True
        for task in self._handling:
            task.cancel()

    async def _run_until_stopped(self, queue: QueueManager, clockwork: SchedulerManager) -> None:
        running = [
            asyncio.create_task(
                queue.run(
                    dequeue_timeout=min(timedelta(seconds=LOOK_SECONDS), self.heartbeat_timeout / 2),
                    batch_size=max(1, min(10, self.concurrency // 2)),
                    # The library takes at least two at once.
                    max_concurrent_tasks=max(2, self.concurrency),
                    heartbeat_timeout=self.heartbeat_timeout,
                    shutdown_on_listener_failure=True,
                )
            )
        ]
        if self.schedules:
            running.append(asyncio.create_task(clockwork.run()))
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_back()
            raise
        finally:
            queue.shutdown.set()
            clockwork.shutdown.set()
            outcomes = await asyncio.gather(*running, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome


class _Driver(PsycopgDriver):
    """Asks on one connection and listens on another: whoever listens holds the connection for up to a second at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], *, listening: psycopg.AsyncConnection[Any]) -> None:
        super().__init__(listening)
        self._asking = PsycopgDriver(connection)

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return await self._asking.fetch(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        return await self._asking.execute(query, *args)


class _DeafDriver(PsycopgDriver):
    """Does not listen: whoever drains the queue looks until there is nothing."""

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        return


class _Executor(AbstractEntrypointExecutor):
    """Runs one job: builds its context, bounds its time, and turns failures into retries or dead letters."""

    kind: JobKind[Any]
    worker: Worker
    queries: Queries

    @classmethod
    def of(cls, kind: JobKind[Any], worker: Worker, queries: Queries) -> "_Executor":
        made = cls(EntrypointExecutorParameters(concurrency_limit=kind.concurrency, func=_never, on_failure="hold"))
        made.kind, made.worker, made.queries = kind, worker, queries
        return made

    async def execute(self, job: QueueJob, context: QueueContext) -> None:
        ctx = _context_of(job, self.worker.runtime)
        with (
            structlog.contextvars.bound_contextvars(
                request_id=ctx.request_id, workspace_id=str(ctx.workspace_id), job=self.kind.name, attempt=job.attempts + 1
            ),
            observed(self.kind.name, job.headers or {}, self.worker.metrics, retry=RetryRequested),
        ):
            history = await self._history_of(job)
            try:
                async with self._apart(history):
                    await self.worker.handle(self._handle(ctx, job))
            except RetryRequested:
                raise
            except _Suspended as pause:
                raise RetryRequested(SUSPENDED_PAUSE, "the workspace is suspended") from pause
            except Exception as error:
                if _is_final(error) or history.failures + 1 >= self.kind.attempts_max:
                    _log.error("job.given_up", error=repr(error), exc_info=error)
                    raise
                delay = _backoff_seconds(history.failures, error)
                _log.warning("job.retried", error=repr(error), delay_seconds=round(delay, 2))
                raise RetryRequested(timedelta(seconds=delay), repr(error)) from error

    async def _handle(self, ctx: Context, job: QueueJob) -> None:
        payload = self.kind.payload.model_validate_json(job.payload or b"{}")
        async with asyncio.timeout(self.kind.timeout_seconds):
            await self.kind.handler(await self._authorized(ctx, payload), payload)

    async def _history_of(self, job: QueueJob) -> History:
        if job.attempts == 0 and datetime.now(UTC) - job.created < self.worker.heartbeat_timeout:
            return History(failures=0, crashes=0, is_after_crash=False)
        history = History.of(await steps_of(self.queries.driver, job.id))
        if history.crashes >= CRASHES_MAX:
            raise JobPoisoned(f"its worker died {history.crashes} times while running it")
        return history

    @asynccontextmanager
    async def _apart(self, history: History) -> AsyncIterator[None]:
        if history.crashes < CRASHES_MAX - 1:
            yield
            return
        # One of those that ran together took the worker down. From here on they run one by one, so that it will be alone.
        if history.is_after_crash or self.worker.suspects.locked():
            raise RetryRequested(timedelta(seconds=random.uniform(0, SPREAD_SECONDS)), SPREAD)  # noqa: S311 - jitter, not a secret
        async with self.worker.suspects:
            # Time for those that were picked along with it to be put back, and for what ended to be written down.
            await asyncio.sleep(SUSPECT_WAIT_SECONDS)
            yield

    async def _authorized(self, ctx: Context, payload: Contract) -> Context:
        authorizer = cast("Authorizer | None", self.worker.runtime.ports.get(Authorizer))
        if authorizer is None or ctx.workspace_id is None:
            return ctx
        try:
            allowed = await authorizer.authorize(replace(ctx, principal=SYSTEM) if self.kind.is_completion else ctx)
            if allowed.principal.restraint == "suspended" and not self.kind.tends_workspace:
                raise _Suspended
            if self.kind.is_completion:
                return ctx
            if self.kind.permission is not None:
                allowed.require(self.kind.permission)
        except Forbidden as refusal:
            if self.kind.on_refused is not None:
                await self.kind.on_refused(self.worker.runtime.system(ctx.workspace_id), payload, refusal)
            raise
        return allowed


def _is_final(error: Exception) -> bool:
    if isinstance(error, Refusal):
        return error.status < 500 and error.status not in (409, 429)
    return isinstance(error, DefiniteFailure) and not error.is_retryable


def _backoff_seconds(attempts: int, error: Exception) -> float:
    if isinstance(error, DefiniteFailure) and error.retry_after_seconds is not None:
        return error.retry_after_seconds * random.uniform(1.0, 1.2)  # noqa: S311 - jitter, not a secret
    return min(BACKOFF_MAX_SECONDS, 2.0**attempts) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, not a secret


def _context_of(job: QueueJob, runtime: Runtime) -> Context:
    headers: dict[str, Any] = dict(job.headers or {})
    kind, principal_id = headers.get("principal") or ("system", None)
    workspace_id = headers.get("workspace_id")
    return Context(
        runtime=runtime,
        workspace_id=UUID(workspace_id) if workspace_id else None,
        principal=Principal(
            kind=cast("PrincipalKind", kind),
            id=UUID(principal_id) if principal_id else None,
            permissions=frozenset(headers.get("permissions") or ()),
            impersonator=UUID(headers["impersonator"]) if headers.get("impersonator") else None,
        ),
        request_id=str(headers.get("request_id") or f"job-{job.id}"),
        locale=str(headers.get("locale") or "en"),
        timezone=str(headers.get("timezone") or "UTC"),
        is_test=headers.get("is_test") is True,
    )


def _scheduled(schedule: Schedule, runtime: Runtime) -> Callable[[QueueSchedule], Awaitable[None]]:
    async def tick(_: QueueSchedule) -> None:
        with structlog.contextvars.bound_contextvars(schedule=schedule.name):
            await schedule.handler(runtime.system())

    return tick


def _dead_letter(job: QueueJob, reason: str) -> DeadLetter:
    headers = dict(job.headers or {})
    workspace_id = headers.get("workspace_id")
    return DeadLetter(
        id=int(job.id),
        name=str(job.entrypoint),
        workspace_id=UUID(str(workspace_id)) if workspace_id else None,
        payload=(job.payload or b"").decode(errors="replace"),
        attempts=job.attempts + 1,
        failed_at=job.updated,
        reason=reason,
    )


def _queries(driver: PsycopgDriver) -> Queries:
    return Queries(*_query_parts(driver))


def _query_parts(driver: PsycopgDriver) -> tuple[PsycopgDriver, QueryBuilderEnvironment, FairQueueBuilder, QuerySchedulerBuilder]:
    return driver, QueryBuilderEnvironment(_settings), FairQueueBuilder(_settings), QuerySchedulerBuilder(_settings)


class _DueQueries(Queries):
    """Draining ends when nothing is due; what waits for a later time is left for then."""

    async def queued_work(self, entrypoints: list[QueueEntrypoint]) -> int:
        return await self.eligible_queued_work(entrypoints)


async def _connect(url: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c role=m_queue", application_name="nexusone queue")


async def _never(_: QueueJob) -> None:
    raise AssertionError("the executor runs the handler itself")

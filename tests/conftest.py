"""The ground tests stand on: one PostgreSQL for the run, one database a process, contexts in fresh workspaces."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import httpx2
import psycopg
import pytest
import structlog
from hypothesis import settings
from starlette.types import ASGIApp
from tests.customers import Customer, customer_at, no_lifespan, visitor_at
from tests.draining import drain as drain_jobs
from tests.ledger_proof import LedgerProof

from nexusone.apps.catalog import schema_parts
from nexusone.apps.compose import Composition, composed
from nexusone.kernel.clock import Clock
from nexusone.kernel.ids import new_id
from nexusone.modules.identity.admission import RightsAuthorizer
from nexusone.modules.identity.ports import SystemMail, SystemMailer
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.origin import Principal
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.schema import migrate
from nexusone.platform.schema_state import Login
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.sql import sql
from nexusone.platform.vault import MasterKeys


class SilentMailer:
    """A SystemMailer for tests that look at no mail: whatever jobs of theirs others run, come to an end."""

    async def send(self, mail: SystemMail) -> None:
        """See SystemMailer."""


class LenientAuthorizer(RightsAuthorizer):
    """Lets contexts that a test made up work in workspaces that nobody signed up for; all others are asked as ever."""

    async def authorize(self, ctx: Context) -> Context:
        """The same for workspaces with people in them."""
        async with ctx.transaction("identity") as tx:
            is_known = await tx.find_value(bool, HAS_MEMBERS, {"workspace_id": ctx.workspace})
        return await super().authorize(ctx) if is_known else ctx


# How long a case takes says something of the machine's other work, not of the rule.
settings.register_profile("nexusone", deadline=None)
settings.load_profile("nexusone")

# What a failing job logs is drawn plainly: a traceback with every local variable takes a second each.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

LOGIN = Login("nexusone_app", None)
TEMPLATE = "nexusone_template"
HAS_MEMBERS = sql("select true from identity.member where workspace_id = %(workspace_id)s limit 1")


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """One migrated database: the application's address, and the superuser's."""

    __test__ = False

    url: str
    admin_url: str


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The one PostgreSQL of the run, shared by all test processes."""
    # Not under pytest's own folder: a second run locks that one up, for the server's account too.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"alone-{os.getpid()}")
    folder = Path(tempfile.gettempdir()) / f"nexusone-tests-{run}"
    server = EmbeddedPostgres(folder, is_durable=False)
    server.start()
    yield server
    server.stop()
    if not server.is_running:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database(postgres: EmbeddedPostgres) -> Iterator[TestDatabase]:
    """A migrated database of this test process, cloned from the template."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"nexusone_{worker}"
    with psycopg.connect(postgres.admin_url(), autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(1)")
        if connection.execute("select 1 from pg_database where datname = %s", (TEMPLATE,)).fetchone() is None:
            connection.execute(f"create database {TEMPLATE}")
        migrate(postgres.admin_url(TEMPLATE), login=LOGIN, parts=schema_parts())
        connection.execute(f"drop database if exists {name} with (force)")
        connection.execute(f"create database {name} template {TEMPLATE}")
    yield TestDatabase(url=postgres.url(LOGIN.name, None, name), admin_url=postgres.admin_url(name))


@pytest.fixture(scope="session")
def overseer(database: TestDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The superuser's connection to the database of this test process."""
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def ledger_proof(overseer: psycopg.Connection[tuple[object, ...]]) -> LedgerProof:
    """Proves the ledgers that were booked in."""
    return LedgerProof(overseer)


@pytest.fixture(autouse=True)
def _sound_ledgers(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test with a database, balances are the sum of their entries (MON-02)."""
    proof: LedgerProof | None = request.getfixturevalue("ledger_proof") if "database" in request.fixturenames else None
    yield
    if proof is not None:
        assert proof.differences() == []


@pytest.fixture(autouse=True)
def _no_jobs_for_others(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves in the queue is nobody else's to do."""
    connection = request.getfixturevalue("overseer") if "database" in request.fixturenames else None
    yield
    if connection is not None:
        connection.execute("delete from queue.pgqueuer where status = 'queued'")


@pytest.fixture(scope="session")
def keys() -> MasterKeys:
    """Master keys of the run."""
    return MasterKeys.fresh()


@pytest.fixture(scope="session")
def platform_settings(tmp_path_factory: pytest.TempPathFactory) -> PlatformSettings:
    """Settings of the run."""
    return PlatformSettings(data=tmp_path_factory.mktemp("data"), database_connections=8)


@pytest.fixture(scope="session")
async def composition(database: TestDatabase, keys: MasterKeys, platform_settings: PlatformSettings) -> AsyncIterator[Composition]:
    """A whole process without vendors; tests that need one put it in with `with_port`."""
    async with composed(
        platform_settings, url=database.url, keys=keys, ports={Authorizer: LenientAuthorizer(), SystemMailer: SilentMailer()}
    ) as made:
        yield made


@pytest.fixture
def runtime(composition: Composition) -> Runtime:
    """The process's runtime."""
    return composition.runtime


ContextMaker = Callable[..., Context]


@pytest.fixture
def make_context(runtime: Runtime) -> ContextMaker:
    """Makes contexts: by default of a user with every permission in a workspace of its own."""

    def make(*, workspace_id: UUID | None = None, permissions: frozenset[str] = frozenset({"*"}), clock: Clock | None = None) -> Context:
        used = runtime if clock is None else replace(runtime, clock=clock)
        principal = Principal(kind="user", id=new_id(), permissions=permissions)
        return Context(runtime=used, workspace_id=workspace_id or new_id(), principal=principal, request_id="test")

    return make


@pytest.fixture
def ctx(make_context: ContextMaker) -> Context:
    """A context in a workspace of its own."""
    return make_context()


@pytest.fixture
def drain(composition: Composition) -> Callable[[], Awaitable[None]]:
    """Runs all due jobs of all modules until none is left."""

    async def run() -> None:
        await drain_jobs(composition)

    return run


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder of contracts and vectors beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("the folder ../shared is not here")
    return folder


@pytest.fixture(scope="session")
def application(composition: Composition) -> ASGIApp:
    """The HTTP application of all modules."""
    return composition.application(lifespan=no_lifespan)


@pytest.fixture
async def visitor(application: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a credential, from an address of its own."""
    async with visitor_at(application) as client:
        yield client


@pytest.fixture
async def customer(application: ASGIApp) -> AsyncIterator[Customer]:
    """A company that has just signed up."""
    async with customer_at(application) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh_log_context() -> None:
    """What an earlier test bound to its log lines is not this one's."""
    structlog.contextvars.clear_contextvars()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test wrote travels between processes as UTF-8; tests about broken text write what UTF-8 cannot hold."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report

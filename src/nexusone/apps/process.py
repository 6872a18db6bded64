"""Runs a process: settings to composition, then API, worker or simulators until a signal."""

import asyncio
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import psycopg
import uvloop

from nexusone.apps.catalog import schema_parts
from nexusone.apps.compose import Composition, composed
from nexusone.apps.database import DatabaseAddresses, database_of, powers_of
from nexusone.apps.key_file import following_keys, key_file_of
from nexusone.apps.providers import SandboxAddresses, build_ports, closing_ports, discover
from nexusone.apps.sandbox.door import door as sandbox_door
from nexusone.apps.sandbox.simulators import simulators
from nexusone.apps.serving import bind, serving
from nexusone.apps.vendor_kit import ManifestKit
from nexusone.modules.ai.api import check_catalog
from nexusone.modules.ai.ports.vendors import VendorKit
from nexusone.platform.jobs import Worker
from nexusone.platform.schema_state import find_fingerprint, fingerprint_of
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.telemetry import Telemetry, TelemetrySettings, configure
from nexusone.platform.vault import MasterKeys, VaultSettings, read_key_file

SANDBOX_WAIT_SECONDS = 20.0
DRAIN_SECONDS = 25.0
SANDBOX_FILE = "sandbox.json"
WEBHOOKS_PATH = "/v1/webhooks/in"


class NotReady(RuntimeError):
    """Something the process needs is not there; the text says what and how to mend it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What every process stands on."""

    settings: PlatformSettings
    keys: MasterKeys
    database: DatabaseAddresses
    telemetry: Telemetry


@contextmanager
def ground(settings: PlatformSettings, *, log: TextIO | None = None) -> Iterator[Ground]:
    """Telemetry, master keys and database of a process."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    telemetry = start_telemetry(log)
    try:
        keys = master_keys(settings)
        with database_of(settings, keys) as database:
            yield Ground(settings=settings, keys=keys, database=database, telemetry=telemetry)
    finally:
        telemetry.stop()


def master_keys(settings: PlatformSettings) -> MasterKeys:
    """The master keys: from `NEXUSONE_VAULT_KEYS`, a key file, or the one that is made in the data folder."""
    vault, path = VaultSettings(), key_file_of(settings)
    if path is None:
        return MasterKeys.from_json(vault.keys.get_secret_value() if vault.keys else "")
    return read_key_file(path, may_create=vault.may_create_key_file)


def start_telemetry(log: TextIO | None) -> Telemetry:
    """Logging and metrics; exporters are only loaded where a setting asks for them, because they weigh tens of megabytes."""
    settings = TelemetrySettings()
    exporter = importlib.import_module("nexusone.platform.telemetry.otlp").start_otlp if settings.otlp_endpoint else None
    reporter = None
    if settings.crash_report_dsn:
        reporter = importlib.import_module("nexusone.platform.telemetry.crash_reports").start_crash_reports
    return configure(settings, start_export=exporter, start_crash_reports=reporter, stream=log)


def ensure_schema(database: DatabaseAddresses, *, may_migrate: bool) -> None:
    """Checks that the database has this code's schema; migrates it in a process of its own where that is allowed.

    Raises:
        NotReady: the schema is older or newer, or the migration failed.
    """
    with psycopg.connect(database.admin_url or database.url, autocommit=True, connect_timeout=5) as connection:
        if find_fingerprint(connection) == fingerprint_of(schema_parts()):
            return
    if not may_migrate or database.admin_url is None:
        raise NotReady("the database does not have this version's schema; run `nexusone migrate` with an address that may change it")
    # The migration tools stay out of this process: they would take a fifth of its memory for ever.
    environment = {**os.environ, "NEXUSONE_MIGRATE_ADMIN_URL": database.admin_url}
    environment["NEXUSONE_MIGRATE_LOGIN"] = json.dumps([database.login.name, database.login.password])
    done = subprocess.run([sys.executable, "-m", "nexusone.apps.migrate"], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotReady(f"the migration failed:\n{done.stderr.strip()}")


@asynccontextmanager
async def standing(base: Ground, sandbox: SandboxAddresses | None) -> AsyncIterator[Composition]:
    """The composition of a process on its ground.

    Raises:
        NotReady: the application's login is more powerful than any request may be.
    """
    if powers := powers_of(base.database.url):
        raise NotReady(
            f"the database login {', '.join(powers)}, so it could pass the walls between workspaces; give its address as "
            "NEXUSONE_DATABASE_ADMIN_URL, and a plain login's as NEXUSONE_DATABASE_URL"
        )
    ports = build_ports(discover(), sandbox=sandbox, credentials=_credentials_from_environment())
    ports[VendorKit] = ManifestKit(discover(), sandbox)
    if sandbox is not None:
        ports[SandboxAddresses] = sandbox
    # In live mode test keys reach the simulators that run beside, if there are any, and are refused otherwise.
    beside = read_sandbox(base.settings) if sandbox is None else None
    of_tests = None if beside is None else build_ports(discover(), sandbox=beside, credentials={})
    async with (
        closing_ports(ports, of_tests or {}),
        composed(
            base.settings,
            url=base.database.url,
            keys=base.keys,
            ports=ports,
            sandbox_ports=of_tests,
            metrics=base.telemetry.metrics,
        ) as composition,
        following_keys(composition, key_file_of(base.settings)),
    ):
        check_catalog(composition.runtime.system())
        yield composition


@asynccontextmanager
async def api(composition: Composition, listener: socket.socket, *, only: Sequence[str] = ()) -> AsyncIterator[None]:
    """The HTTP doors on a listening socket, for as long as the block."""
    doors = (sandbox_door,) if composition.runtime.setting(PlatformSettings).mode == "sandbox" else ()
    async with serving(composition.application(only=only, doors=doors), listener):
        yield


def listening(base: Ground) -> tuple[Ground, socket.socket]:
    """Binds the API's port first, so that the settings know it where any free one was asked for."""
    listener = bind(base.settings.host, base.settings.port)
    settings = base.settings.model_copy(update={"port": listener.getsockname()[1]})
    return replace(base, settings=settings), listener


@asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    """A worker, for as long as the block; then running jobs may end within 25 seconds."""
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        done, _ = await asyncio.wait({running}, timeout=DRAIN_SECONDS)
        if not done:
            running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def sandbox_of(settings: PlatformSettings, *, host: str, port: int) -> AsyncIterator[SandboxAddresses]:
    """The simulators in this process; their addresses are left in the data folder for other processes."""
    hears = f"{settings.public_address}{WEBHOOKS_PATH}"
    async with simulators(discover(), data=settings.data / "sandbox", host=host, http_port=port, webhooks=hears) as addresses:
        path = settings.data / SANDBOX_FILE
        path.write_text(json.dumps({"http": addresses.http, "sockets": dict(addresses.sockets)}))
        try:
            yield addresses
        finally:
            path.unlink(missing_ok=True)


def read_sandbox(settings: PlatformSettings) -> SandboxAddresses | None:
    """Where the simulators of another process are at this moment; None where there are none."""
    path = settings.data / SANDBOX_FILE
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return SandboxAddresses(http=found["http"], sockets=found["sockets"])


async def find_sandbox(settings: PlatformSettings) -> SandboxAddresses | None:
    """Where the simulators of another process are; None in live mode.

    Raises:
        NotReady: there are none within 20 seconds.
    """
    if settings.mode == "live":
        return None
    for _ in range(int(SANDBOX_WAIT_SECONDS / 0.2)):
        if (found := read_sandbox(settings)) is not None:
            return found
        await asyncio.sleep(0.2)
    raise NotReady(f"no simulators: start `nexusone simulate --data {settings.data}`, or choose live mode with NEXUSONE_MODE=live")


async def serve(settings: PlatformSettings, *, only: Sequence[str]) -> None:
    """The API of the chosen modules until a signal."""
    with ground(settings) as base:
        ensure_schema(base.database, may_migrate=settings.mode == "sandbox")
        bound, listener = listening(base)
        async with standing(bound, await find_sandbox(settings)) as composition, api(composition, listener, only=only):
            await signalled()


async def work(settings: PlatformSettings, *, only: Sequence[str], concurrency: int) -> None:
    """The jobs of the chosen modules until a signal."""
    with ground(settings) as base:
        ensure_schema(base.database, may_migrate=settings.mode == "sandbox")
        async with (
            standing(base, await find_sandbox(settings)) as composition,
            working(composition.worker(only=only, concurrency=concurrency)),
        ):
            await signalled()


async def signalled() -> None:
    """Returns at SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a process's main coroutine on uvloop."""
    uvloop.run(main)


def _credentials_from_environment() -> dict[str, dict[str, str]]:
    credentials: dict[str, dict[str, str]] = {}
    for manifest in discover():
        for name in (*manifest.credential_fields, *manifest.optional_fields, "address"):
            value = os.environ.get(f"NEXUSONE_{manifest.name.upper()}_{name.upper()}")
            if value:
                credentials.setdefault(manifest.name, {})[name] = value
    return credentials


def data_log(settings: PlatformSettings) -> Path:
    """Where `nexusone up` writes its log, so that the terminal stays readable."""
    folder = settings.data / "log"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "nexusone.log"


@asynccontextmanager
async def everything(base: Ground) -> AsyncIterator[tuple[str, SandboxAddresses | None]]:
    """API, worker and (in sandbox mode) simulators in one process; yields the API's address."""
    bound, listener = listening(base)
    settings = bound.settings
    async with AsyncExitStack() as stack:
        sandbox = None
        if settings.mode == "sandbox":
            sandbox = await stack.enter_async_context(sandbox_of(settings, host=settings.host, port=settings.simulators_port))
        composition = await stack.enter_async_context(standing(bound, sandbox))
        await stack.enter_async_context(working(composition.worker()))
        await stack.enter_async_context(api(composition, listener))
        yield f"http://{settings.host}:{settings.port}", sandbox

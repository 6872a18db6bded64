"""Puts a process together: runtime, doors and jobs, from settings, modules and vendors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic_settings import BaseSettings
from starlette.types import ASGIApp

from nexusone.apps.catalog import MODULES, chosen_modules, locale_folders
from nexusone.apps.providers import SandboxAddresses
from nexusone.kernel.clock import Clock, SystemClock
from nexusone.modules.ai.ports.publishing import PublishTarget, PublishTargets
from nexusone.modules.audience.api import count_contacts
from nexusone.modules.billing.admission import PlanDesk
from nexusone.modules.billing.ports import UsageGauges
from nexusone.modules.identity.admission import CredentialAuthenticator, RightsAuthorizer
from nexusone.modules.identity.api import STANDING_HELD, count_seats
from nexusone.modules.identity.ports.plans import PlanGate
from nexusone.modules.marketing.api import draft_template
from nexusone.platform.addresses import LIVE, Reach, sandbox_reach
from nexusone.platform.authorizer import Authorizer
from nexusone.platform.blobs import Blobs
from nexusone.platform.data_keys import PostgresKeyStore
from nexusone.platform.database import Database
from nexusone.platform.housekeeping import SCHEDULES as PLATFORM_SCHEDULES
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.jobs import JobKind, Worker
from nexusone.platform.live import LiveEvents
from nexusone.platform.runtime import Context, Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.telemetry import CONTENT_TYPE, Metrics, PoolState
from nexusone.platform.vault import MasterKeys, Vault
from nexusone.web.admission import Authenticator
from nexusone.web.application import ApplicationParts, Lifespan, build_application
from nexusone.web.door import Door
from nexusone.web.module import Closes, Module, UsesKeys
from nexusone.web.problems import Messages

# Who counts what plans limit; billing stands below some of those who have it.
GAUGES: Mapping[str, Callable[[Context], Awaitable[int]]] = {"contacts.total": count_contacts, "members.seats": count_seats}

# What pipelines publish to, by the name that their steps call it; ai stands below those who have it.
TARGETS: Mapping[str, PublishTarget] = {"email_template": draft_template}


@dataclass(frozen=True, slots=True)
class Composition:
    """One process: what it runs with, and what it can run."""

    runtime: Runtime
    url: str
    messages: Messages
    live: LiveEvents
    metrics: Metrics

    def application(self, *, only: Sequence[str] = (), doors: Sequence[Door] = (), lifespan: Lifespan | None = None) -> ASGIApp:
        """The HTTP application of the chosen modules, and further doors of the composition's own."""
        modules = chosen_modules(only)
        parts = ApplicationParts(
            doors=[*(door for module in modules for door in module.doors), *doors],
            graphql_queries=[query for module in modules for query in module.graphql_queries],
            messages=self.messages,
            live=self.live,
            observe=self._observe,
            render_metrics=self._render_metrics,
            lifespan=lifespan or (lambda: self._beside(modules)),
        )
        return build_application(self.runtime, parts)

    @asynccontextmanager
    async def _beside(self, modules: Sequence[Module]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for module in modules:
                for companion in module.companions:
                    await stack.enter_async_context(companion(self.runtime))
            listening = asyncio.create_task(self.live.run())
            try:
                yield
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def worker(self, *, only: Sequence[str] = (), concurrency: int = 20) -> Worker:
        """The worker of the chosen modules."""
        modules = chosen_modules(only)
        schedules = [schedule for module in modules for schedule in module.schedules]
        return Worker(
            runtime=self.runtime,
            queue_url=self.url,
            kinds=job_kinds(modules),
            schedules=[*PLATFORM_SCHEDULES, *schedules],
            concurrency=concurrency,
            metrics=self.metrics,
        )

    def watch_database(self) -> None:
        """Has the pool's state asked for at every scrape."""
        self.metrics.watch_pool("database", self._pool_state)

    def _pool_state(self) -> PoolState:
        counted = self.runtime.database.statistics()
        size, idle = counted.get("pool_size", 0), counted.get("pool_available", 0)
        return PoolState(in_use=size - idle, idle=idle, waiting=counted.get("requests_waiting", 0))

    def use_keys(self, keys: MasterKeys) -> None:
        """Goes on with other master keys, without a pause; see `nexusone keys`."""
        self.runtime.vault.use(keys)
        for kept in self.runtime.ports.values():
            if isinstance(kept, UsesKeys):
                kept.use_keys(keys)

    def _observe(self, method: str, route: str, status: int, seconds: float) -> None:
        self.metrics.request_served(method=method, route=route, status=status, seconds=seconds)

    def _render_metrics(self) -> tuple[bytes, str]:
        return self.metrics.render(), CONTENT_TYPE


@asynccontextmanager
async def composed(
    settings: PlatformSettings,
    *,
    url: str,
    keys: MasterKeys,
    ports: Mapping[type[object], object],
    sandbox_ports: Mapping[type[object], object] | None = None,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    overrides: Mapping[type[BaseSettings], BaseSettings] | None = None,
) -> AsyncIterator[Composition]:
    """A process, with its database open as long as the block. `sandbox_ports` are what test keys reach in live mode."""
    used_clock, counted = clock or SystemClock(), metrics or Metrics()
    store = PostgresKeyStore()
    own: dict[type[object], object] = {
        Authenticator: CredentialAuthenticator(),
        Authorizer: RightsAuthorizer(),
        PlanGate: PlanDesk(),
        UsageGauges: UsageGauges(GAUGES),
        PublishTargets: PublishTargets(TARGETS),
        Metrics: counted,
        **_kept(settings, keys),
    }
    http = OutgoingHttp(LIVE if settings.mode == "live" else _simulators(ports))
    sandbox_http = OutgoingHttp(_simulators(sandbox_ports or {}))
    runtime = Runtime(
        database=Database(
            url, connections_max=settings.database_connections, prepares_statements=settings.database_prepares, standing=STANDING_HELD
        ),
        clock=used_clock,
        vault=Vault(keys, store, used_clock),
        blobs=Blobs.at(settings.blobs_url or (settings.data / "blobs").absolute().as_uri()),
        ports={**own, OutgoingHttp: http, **ports},
        sandbox_ports=None if sandbox_ports is None else {**own, OutgoingHttp: sandbox_http, **sandbox_ports},
        settings={PlatformSettings: settings, **_module_settings(), **(overrides or {})},
        subscriptions=_subscriptions(MODULES),
    )
    store.attach(runtime)
    await runtime.database.open()
    try:
        await runtime.vault.unlock()
        messages = Messages(locale_folders())
        made = Composition(runtime=runtime, url=url, messages=messages, live=LiveEvents(url), metrics=counted)
        made.watch_database()
        yield made
    finally:
        for kept in own.values():
            if isinstance(kept, Closes):
                await kept.close()
        await http.close()
        await sandbox_http.close()
        await runtime.database.close()


def _simulators(ports: Mapping[type[object], object]) -> Reach:
    found = ports.get(SandboxAddresses)
    return sandbox_reach(found.http) if isinstance(found, SandboxAddresses) else sandbox_reach()


def job_kinds(modules: Sequence[Module]) -> list[JobKind[Any]]:
    """The jobs of the modules, and those that their subscriptions amount to."""
    jobs = [job for module in modules for job in module.jobs]
    return [*jobs, *(subscriber.job() for module in modules for subscriber in module.subscribers)]


def _module_settings() -> dict[type[BaseSettings], BaseSettings]:
    return {kind: kind() for module in MODULES for kind in module.settings}


def _kept(settings: PlatformSettings, keys: MasterKeys) -> dict[type[object], object]:
    return {kind: make(settings, keys) for module in MODULES for kind, make in module.keepers.items()}


def _subscriptions(modules: Sequence[Module]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for module in modules:
        for subscriber in module.subscribers:
            names[subscriber.event.name] = (*names.get(subscriber.event.name, ()), subscriber.name)
    return names

"""One pair of companies behind both walls, behind the queries' own alone, and behind row-level security alone."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import httpx2
import psycopg
from psycopg import sql as psql
from starlette.types import ASGIApp
from tests.architecture.catalog_rules import RELATIONS, TENANT_TABLE
from tests.conftest import LOGIN, TestDatabase
from tests.customers import no_lifespan, visitor_at
from tests.modules.compliance.samples import Outbox
from tests.modules.identity.mfa.people import ORIGIN
from tests.modules.marketing.sending.carrier import Carrier
from tests.tenancy.companies import Company, grown
from tests.tenancy.spoofing import Spoof
from tests.tenancy.stage import Stage
from tests.tenancy.vendors import models

from nexusone.apps.compose import Composition, composed
from nexusone.apps.providers import SandboxAddresses, build_ports
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.modules.billing.ports import PaymentGateways
from nexusone.modules.identity.ports import SystemMailer
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.providers.ecb.manifest import MANIFEST as ECB
from nexusone.providers.oidc.manifest import MANIFEST as OIDC
from nexusone.providers.stripe.manifest import MANIFEST as STRIPE
from nexusone.providers.vies.manifest import MANIFEST as VIES

Walls = Literal["both walls", "queries alone", "row security alone"]
VENDORS = (OIDC, STRIPE, VIES, ECB)
WALLS: tuple[Walls, ...] = ("both walls", "queries alone", "row security alone")
Companies = tuple[Company, Company]
TABLES = f"select n.nspname, c.relname from {RELATIONS} where {TENANT_TABLE}"


@runtime_checkable
class Closed(Protocol):
    """A vendor that keeps connections."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Deployment:
    """A process over a copy of the database in which both companies have used everything."""

    walls: Walls
    composition: Composition
    app: ASGIApp
    database: TestDatabase
    companies: Companies

    @contextmanager
    def spoofed(self) -> Iterator[None]:
        """Where row-level security stands alone, all statements ask for the other company's rows; elsewhere nothing is different."""
        if self.walls != "row security alone":
            yield
            return
        spoof = Spoof({one.workspace_id: other.workspace_id for one, other in (self.companies, self.companies[::-1])})
        with spoof.installed():
            yield

    @asynccontextmanager
    async def client_of(self, company: Company, *, as_operator: bool = False) -> AsyncIterator[httpx2.AsyncClient]:
        """A client that speaks for the company's owner, or for the operator that visits it."""
        async with visitor_at(self.app) as client:
            client.headers["Authorization"] = f"Bearer {company.operator_token if as_operator else company.token}"
            yield client


@dataclass(frozen=True, slots=True)
class World:
    """What all deployments share."""

    postgres: EmbeddedPostgres
    settings: PlatformSettings
    keys: MasterKeys
    ports: Mapping[type[object], object]
    database: str
    companies: Companies
    grown_at: datetime


@asynccontextmanager
async def grown_world(
    postgres: EmbeddedPostgres, database: TestDatabase, settings: PlatformSettings, keys: MasterKeys, simulated: SandboxAddresses
) -> AsyncIterator[World]:
    """Two companies in a database that is then only copied."""
    outbox, carrier = Outbox(), Carrier()
    ports: dict[type[object], object] = {**build_ports(VENDORS, sandbox=simulated, credentials={}), SandboxAddresses: simulated}
    ports |= models()
    ports |= {EmailTransport: carrier, SystemMailer: outbox}
    used = settings.model_copy(update={"public_url": ORIGIN, "rate_limit_factor": 100_000, "rate_limit": "1000000/minute"})
    async with composed(used, url=database.url, keys=keys, ports=ports) as made:
        stage = Stage(
            made,
            made.application(lifespan=no_lifespan),
            outbox,
            carrier,
            f"{simulated.http}/oidc",
            f"{simulated.http}/stripe",
            database.admin_url,
        )
        companies = (await grown(stage), await grown(stage))
        grown_at = made.runtime.clock.now()
    yield World(postgres, used, keys, ports, database.url.rsplit("/", 1)[-1].split("?")[0], companies, grown_at)
    for vendor in (*made.runtime.port(PaymentGateways).by_name.values(), *ports.values()):
        if isinstance(vendor, Closed):
            await vendor.close()


@asynccontextmanager
async def deployed(world: World, walls: Walls) -> AsyncIterator[Deployment]:
    """The companies behind those walls."""
    with copied(world, has_row_security=walls != "queries alone") as database:
        async with composed(world.settings, url=database.url, keys=world.keys, ports=world.ports) as made:
            # The companies stay as freshly signed in as they were when they had grown, however long the tests take.
            steady = replace(made, runtime=replace(made.runtime, clock=MovedClock(world.grown_at)))
            yield Deployment(walls, steady, steady.application(lifespan=no_lifespan), database, world.companies)


@contextmanager
def copied(world: World, *, has_row_security: bool = True) -> Iterator[TestDatabase]:
    """A copy of the companies' database."""
    name = f"tenancy_{new_id().hex}"
    with psycopg.connect(world.postgres.admin_url(), autocommit=True) as connection:
        make = psql.SQL("create database {} template {}").format(psql.Identifier(name), psql.Identifier(world.database))
        connection.execute(make)
    copy = TestDatabase(url=world.postgres.url(LOGIN.name, None, name), admin_url=world.postgres.admin_url(name))
    try:
        if not has_row_security:
            tear_down_walls(copy.admin_url)
        yield copy
    finally:
        with psycopg.connect(world.postgres.admin_url(), autocommit=True) as connection:
            connection.execute(psql.SQL("drop database {} with (force)").format(psql.Identifier(name)))


def tear_down_walls(admin_url: str) -> None:
    """No row-level security on any table of tenants."""
    with psycopg.connect(admin_url) as admin:
        for schema, table in admin.execute(TABLES).fetchall():
            open_it = psql.SQL("alter table {} no force row level security, disable row level security")
            admin.execute(open_it.format(psql.Identifier(schema, table)))

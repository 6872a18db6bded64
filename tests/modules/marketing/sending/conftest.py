"""Shops to send from."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest
from tests.conftest import ContextMaker, TestDatabase
from tests.modules.marketing.sending.carrier import Carrier
from tests.modules.marketing.sending.shop import Shop

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.modules.marketing.settings import MarketingSettings

ShopMaker = Callable[..., Shop]


@pytest.fixture
def clock() -> MovedClock:
    """A clock that stands still until it is moved."""
    return MovedClock(datetime.now(UTC))


@pytest.fixture
async def make_shop(
    composition: Composition, make_context: ContextMaker, database: TestDatabase, clock: MovedClock
) -> AsyncIterator[ShopMaker]:
    """Makes shops; what they left unfinished is over when the test ends."""

    def make(carrier: EmailTransport | None = None) -> Shop:
        used = carrier or Carrier()
        settings = MarketingSettings(claim_size=8)
        runtime = replace(
            composition.runtime,
            clock=clock,
            ports={**composition.runtime.ports, EmailTransport: used},
            settings={**composition.runtime.settings, MarketingSettings: settings},
        )
        ctx = replace(make_context(), runtime=runtime)
        with psycopg.connect(database.admin_url) as connection:
            connection.execute(
                "insert into identity.workspace (workspace_id, name, default_locale, timezone, created_at)"
                " values (%s, 'Ada''s Engines', 'en', 'UTC', now())",
                (ctx.workspace,),
            )
        double = used if isinstance(used, Carrier) else Carrier()
        return Shop(ctx, replace(composition, runtime=runtime), double, clock, database.admin_url)

    yield make
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("delete from queue.pgqueuer where entrypoint like 'marketing.%'")
        connection.execute(
            "update marketing.campaign set status = 'cancelled', closed_at = now() where closed_at is null and status <> 'draft'"
        )


@pytest.fixture
def shop(make_shop: ShopMaker) -> Shop:
    """A shop."""
    return make_shop()

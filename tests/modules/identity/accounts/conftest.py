"""Deployments to have accounts in: as in the sandbox, and as in live mode, where addresses are verified first."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.conftest import TestDatabase
from tests.customers import no_lifespan
from tests.modules.identity.accounts.site import Outbox, Site

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.modules.identity.ports import SystemMailer
from nexusone.modules.identity.settings import IdentitySettings

SiteMaker = Callable[..., Site]


@pytest.fixture
def make_site(composition: Composition, database: TestDatabase) -> SiteMaker:
    """Makes deployments over the run's database, with other settings of identity."""

    def make(**settings: object) -> Site:
        clock, outbox = MovedClock(datetime.now(UTC)), Outbox()
        runtime = replace(
            composition.runtime,
            clock=clock,
            ports={**composition.runtime.ports, SystemMailer: outbox},
            settings={**composition.runtime.settings, IdentitySettings: IdentitySettings(**settings)},  # type: ignore[arg-type]
        )
        moved = replace(composition, runtime=runtime)

        async def drain() -> None:
            await moved.worker(only=["identity"]).drain()

        app = moved.application(lifespan=no_lifespan)
        return Site(runtime=runtime, app=app, outbox=outbox, clock=clock, drain=drain, admin_url=database.admin_url)

    return make


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    """As in live mode: addresses are verified first."""
    return make_site(requires_verification=True)


@pytest.fixture
def open_site(make_site: SiteMaker) -> Site:
    """As in the sandbox: a sign-up is answered with a session."""
    return make_site(requires_verification=False)

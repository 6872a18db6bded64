"""Whether a VAT id is good, asked of a register that is often away; on real sockets."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from nexusone.apps.serving import bind, serving
from nexusone.modules.billing.ports import VatIdAnswer, VatIdChecker
from nexusone.platform.provider import ProviderSetup
from nexusone.providers.vies.checking import ViesChecker, build_checker
from nexusone.providers.vies.manifest import MANIFEST
from nexusone.providers.vies.simulator import build_app


@pytest.fixture
async def checker() -> AsyncIterator[ViesChecker]:
    """A checker as the composition builds it."""
    listener = bind("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/vies"
    async with serving(Starlette(routes=[Mount("/vies", build_app())]), listener):
        made = build_checker(ProviderSetup(address=address, credentials={}, is_sandbox=True))
        yield made
        await made.close()


@pytest.mark.parametrize(
    ("vat_id", "outcome"),
    [("ESB12345678", "valid"), ("DE123456000", "invalid"), ("FRXX999999999", "unknown"), ("IT12345678998", "unknown")],
)
async def test_the_register_says_whether_an_id_is_good_or_nothing(checker: ViesChecker, vat_id: str, outcome: str) -> None:
    assert (await checker.check(country=vat_id[:2], vat_id=vat_id, asker=None)).outcome == outcome


async def test_whoever_names_themselves_gets_a_receipt(checker: ViesChecker) -> None:
    assert (await checker.check(country="ES", vat_id="ESB12345678", asker=None)).reference is None
    assert (await checker.check(country="ES", vat_id="ESB12345678", asker="DE123456789")).reference


async def test_a_register_that_cannot_be_reached_says_nothing() -> None:
    gone = build_checker(ProviderSetup(address="http://127.0.0.1:9/vies", credentials={}, is_sandbox=True))
    assert await gone.check(country="ES", vat_id="ESB12345678", asker=None) == VatIdAnswer("unknown")
    await gone.close()


def test_it_implements_the_port() -> None:
    assert [capability.port for capability in MANIFEST.capabilities] == [VatIdChecker]

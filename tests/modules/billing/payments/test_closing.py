"""Vendors' connections end with the process."""

from tests.modules.billing.payments.shops import Shop

from nexusone.apps.providers import SandboxAddresses, build_ports, closing_ports
from nexusone.modules.billing.ports import PaymentGateways
from nexusone.platform.http import OutgoingHttp
from nexusone.providers.paypal.manifest import MANIFEST as PAYPAL
from nexusone.providers.stripe.manifest import MANIFEST as STRIPE


class Port:
    """Something that counts how often it is closed."""

    closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_gateways_that_were_used_are_closed_at_the_end(shop: Shop, simulated: SandboxAddresses) -> None:
    ports = build_ports((STRIPE, PAYPAL), sandbox=simulated, credentials={})
    gateways = ports[PaymentGateways]
    assert isinstance(gateways, PaymentGateways)
    # A session that is left open warns, and warnings are errors here.
    async with closing_ports(ports):
        await gateways.by_name[shop.gateway].list_methods(customer="nobody")


async def test_what_stands_under_two_names_is_closed_once() -> None:
    port = Port()
    async with closing_ports({OutgoingHttp: port, Port: port}, {SandboxAddresses: SandboxAddresses(http="", sockets={})}):
        assert port.closed == 0
    assert port.closed == 1

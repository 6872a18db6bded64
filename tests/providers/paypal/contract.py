"""The vendor's published contracts: JSON both ways."""

import json
from collections.abc import Iterable

from tests.providers.conformance.openapi import Exchange, hold

CONTRACTS = ("paypal-checkout_orders_v2.json", "paypal-payments_payment_v2.json", "paypal-notifications_webhooks_v1.json")


def hold_to_contract(exchanges: Iterable[Exchange]) -> None:
    """Holds both sides of every call against the contracts."""
    hold(exchanges, CONTRACTS, read=lambda raw, _: json.loads(raw))

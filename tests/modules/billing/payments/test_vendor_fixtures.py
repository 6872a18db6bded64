"""The vendor's published objects: they can be read, and the simulator's have their fields in their types."""

import json
from pathlib import Path
from typing import Any

import pytest

from nexusone.providers.stripe import shapes
from nexusone.providers.stripe.simulation import objects
from nexusone.providers.stripe.simulation.ledger import Ledger

AT = 1_700_000_000
KINDS = ["charge", "checkout.session", "customer", "dispute", "payment_intent", "payment_method", "refund"]
# What is free: the integrator's own, and what the vendor fills in for each kind differently.
FREE = frozenset({"metadata", "evidence", "payment_method_options", "payment_method_details", "automatic_payment_methods"})

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def published(shared_folder: Path) -> Resources:
    """The objects by their kinds."""
    found: Resources = json.loads((shared_folder / "providers/specs/stripe-fixtures-2026.json").read_text())["resources"]
    return found


@pytest.fixture
def simulated() -> Resources:
    """One object of each kind, after a checkout, a refund and a dispute."""
    ledger = Ledger(tell=lambda _: None, now=lambda: AT)
    customer = ledger.open_customer({"name": "Buyer", "email": "buyer@example.com"})
    price = {"price_data": {"unit_amount": "100", "currency": "eur"}, "quantity": "1"}
    asked = {"customer": customer["id"], "mode": "payment", "success_url": "https://a.example", "line_items": [price]}
    wanted = {"payment_intent_data": {"setup_future_usage": "off_session"}}
    session = ledger.open_session({**asked, **wanted}, base="https://vendor.example")
    ledger.pay(session["id"], way="pay")
    intent = ledger.intents[session["payment_intent"]]
    refund, dispute = ledger.refund({"payment_intent": intent["id"], "amount": "10"}), ledger.open_dispute(intent["id"])
    charge, method = ledger.charges[intent["latest_charge"]], ledger.methods[intent["payment_method"]]
    return {one["object"]: one for one in (customer, session, intent, refund, dispute, charge, method)}


def test_payments_with_refunds_and_disputes_are_read(published: Resources) -> None:
    intent, refund, dispute = (published[kind] for kind in ("payment_intent", "refund", "dispute"))
    read = shapes.payment_of(intent, refunds=[refund], disputes=[dispute])
    assert (read.subject, read.amount.amount, read.amount.currency, read.state) == (intent["id"], 1099, "USD", "open")
    assert read.reference is None
    assert [(one.vendor_id, one.amount, one.state) for one in read.refunds] == [(refund["id"], 100, "succeeded")]
    assert [(one.vendor_id, one.amount, one.state) for one in read.disputes] == [(dispute["id"], 1000, "open")]


def test_pages_charges_and_methods_are_read(published: Resources) -> None:
    page, charge, method = (published[kind] for kind in ("checkout.session", "charge", "payment_method"))
    assert shapes.session_payment(page).subject == page["id"]
    assert shapes.charged_payment(charge).amount.amount == charge["amount"]
    read = shapes.method_of(method)
    assert (read.vendor_id, read.kind) == (method["id"], "card")
    assert method["card"]["last4"] in read.label


@pytest.mark.parametrize("kind", KINDS)
def test_the_simulators_objects_have_published_fields_in_published_types(published: Resources, simulated: Resources, kind: str) -> None:
    assert differing(simulated[kind], published[kind], kind) == []


def differing(ours: dict[str, Any], theirs: dict[str, Any], path: str) -> list[str]:
    """The fields that the vendor does not have, or has in another type; null says nothing of a type."""
    found = []
    for name, value in ours.items():
        where = f"{path}.{name}"
        if name not in theirs:
            found.append(f"{where}: not the vendor's")
        elif name in FREE or value is None or theirs[name] is None:
            continue
        elif type(value) is not type(theirs[name]):
            found.append(f"{where}: {type(value).__name__}, not {type(theirs[name]).__name__}")
        elif isinstance(value, dict):
            found += differing(value, theirs[name], where)
    return found


def test_an_object_of_another_shape_is_found_out() -> None:
    made = objects.refund({"id": "c", "currency": "eur", "payment_intent": "p"}, amount=1, metadata={}, at=AT)
    assert differing({**made, "amount": "1", "odd": 1}, made, "refund") == ["refund.amount: str, not int", "refund.odd: not the vendor's"]

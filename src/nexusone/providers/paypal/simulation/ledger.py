"""What the simulated vendor knows and does: orders, captures, refunds, agreements, disputes. Every change is an event."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nexusone.providers.paypal.simulation import objects
from nexusone.providers.paypal.simulation.objects import Json

Tell = Callable[[Json], None]
ISSUES = {"declines": "PAYER_CANNOT_PAY", "asks": "PAYER_ACTION_REQUIRED"}


class VendorRefusal(Exception):
    """An error answer of the vendor's."""

    def __init__(self, status: int, issue: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        name = {404: "RESOURCE_NOT_FOUND", 422: "UNPROCESSABLE_ENTITY"}.get(status, "INVALID_REQUEST")
        details = [{"issue": issue, "description": message}]
        self.body: Json = {"name": name, "message": message, "debug_id": objects.object_id(13).lower(), "details": details, "links": []}


def missing() -> VendorRefusal:
    """There is no such thing."""
    return VendorRefusal(404, "INVALID_RESOURCE_ID", "The specified resource does not exist.")


class Ledger:
    """Everything in memory. `tell` is called with each event; `base` is the simulator's address."""

    def __init__(self, *, tell: Tell) -> None:
        self._tell = tell
        self.base = ""
        self.orders: dict[str, Json] = {}
        self.ways: dict[str, str] = {}
        self.wishes: dict[str, Json] = {}
        self.captures: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.tokens: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}

    def open_order(self, asked: Json) -> Json:
        wallet = asked["payment_source"]["paypal"]
        invoice = asked["purchase_units"][0].get("invoice_id")
        if invoice is not None and any(one["invoice_id"] == invoice for one in self.captures.values()):
            raise VendorRefusal(422, "DUPLICATE_INVOICE_ID", "Requested invoice number has been previously captured.")
        if (vault_id := wallet.get("vault_id")) is not None:
            return self._charge(asked, vault_id)
        made = objects.order(asked, base=self.base)
        self.orders[made["id"]] = made
        self.wishes[made["id"]] = wallet
        return made

    def approve(self, identifier: str, *, way: str) -> Json:
        """What a person did on the page."""
        made = self.orders[identifier]
        self.ways[identifier] = way
        made["status"] = "APPROVED"
        made["payment_source"]["paypal"] = {"email_address": "payer@example.com", "account_id": objects.object_id(13)}
        self.announce("CHECKOUT.ORDER.APPROVED", "checkout-order", made)
        return made

    def void(self, identifier: str) -> Json:
        """Nobody approved it in time."""
        made = self.orders[identifier]
        made["status"] = "VOIDED"
        self.announce("CHECKOUT.ORDER.VOIDED", "checkout-order", made)
        return made

    def capture(self, identifier: str) -> Json:
        made = self.orders.get(identifier)
        if made is None:
            raise missing()
        if made["status"] == "COMPLETED":
            raise VendorRefusal(422, "ORDER_ALREADY_CAPTURED", "Order already captured.")
        if made["status"] != "APPROVED":
            raise VendorRefusal(422, "ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
        if self.ways[identifier] == "decline":
            raise VendorRefusal(422, "INSTRUMENT_DECLINED", "The instrument presented was declined.")
        if (self.wishes[identifier].get("attributes") or {}).get("vault"):
            behaviour = {"pay_declines_later": "declines", "pay_asks_later": "asks"}.get(self.ways[identifier], "good")
            token = self._vault(self.wishes[identifier]["attributes"]["customer"]["id"], behaviour)
            vault = {"id": token["id"], "status": "VAULTED", "customer": token["customer"]}
            made["payment_source"]["paypal"]["attributes"] = {"vault": vault}
        self._book(made)
        return made

    def refund(self, capture_id: str, asked: Json) -> Json:
        found = self.captures.get(capture_id)
        if found is None:
            raise missing()
        before = sum((Decimal(one["amount"]["value"]) for one in self._refunds_of(capture_id)), Decimal(0))
        left = Decimal(found["amount"]["value"]) - before
        amount = asked.get("amount") or {"currency_code": found["amount"]["currency_code"], "value": str(left)}
        if Decimal(amount["value"]) > left:
            raise VendorRefusal(422, "REFUND_AMOUNT_EXCEEDED", "The refund amount must be less than or equal to the capture amount.")
        made = objects.refund(found, amount=amount, custom_id=asked.get("custom_id"), base=self.base)
        self.refunds[made["id"]] = made
        self._order_of(capture_id)["purchase_units"][0]["payments"].setdefault("refunds", []).append(made)
        found["status"] = "REFUNDED" if Decimal(amount["value"]) == left else "PARTIALLY_REFUNDED"
        self.announce("PAYMENT.CAPTURE.REFUNDED", "refund", made)
        return made

    def show_capture(self, identifier: str) -> Json:
        if identifier not in self.captures:
            raise missing()
        return {**self.captures[identifier], "supplementary_data": {"related_ids": {"order_id": self._order_of(identifier)["id"]}}}

    def open_dispute(self, order_id: str) -> Json:
        (found,) = self.orders[order_id]["purchase_units"][0]["payments"]["captures"]
        made = objects.dispute(found)
        self.disputes[made["dispute_id"]] = made
        self.announce("CUSTOMER.DISPUTE.CREATED", "dispute", made)
        return made

    def close_dispute(self, identifier: str, *, outcome: str) -> Json:
        made = self.disputes[identifier]
        made |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
        self.announce("CUSTOMER.DISPUTE.RESOLVED", "dispute", made)
        return made

    def plant(self, *, amount: Json, custom_id: str | None) -> Json:
        """A payment nobody here asked for; no event is sent."""
        asked = {"intent": "CAPTURE", "purchase_units": [{"amount": amount, "custom_id": custom_id}]}
        made = objects.order(asked, base=self.base)
        self.orders[made["id"]] = made
        self._book(made, is_told=False)
        return made

    def lose(self, order_id: str) -> None:
        """Forgets a payment, as if it had never been."""
        made = self.orders.pop(order_id)
        for found in (made["purchase_units"][0].get("payments") or {}).get("captures") or []:
            self.captures.pop(found["id"], None)

    def remove_token(self, identifier: str) -> None:
        if self.tokens.pop(identifier, None) is None:
            raise missing()

    def announce(self, kind: str, resource_type: str, about: Json) -> None:
        """Sends an event about an object as it is now."""
        self._tell(objects.event(kind, resource_type, about))

    def _charge(self, asked: Json, vault_id: str) -> Json:
        token = self.tokens.get(vault_id)
        if token is None:
            raise VendorRefusal(422, "TOKEN_ID_NOT_FOUND", "Specified token cannot be found.")
        if (issue := ISSUES.get(token["behaviour"])) is not None:
            raise VendorRefusal(422, issue, f"The charge was not done: {issue}.")
        made = objects.order(asked, base=self.base)
        made["payment_source"]["paypal"] = {"email_address": "payer@example.com", "account_id": objects.object_id(13)}
        self.orders[made["id"]] = made
        self._book(made)
        return made

    def _vault(self, customer: str, behaviour: str) -> Json:
        token: Json = {
            "id": objects.object_id(11).lower(),
            "customer": {"id": customer},
            "payment_source": {"paypal": {"email_address": "payer@example.com"}},
            "behaviour": behaviour,
        }
        self.tokens[token["id"]] = token
        self.announce("VAULT.PAYMENT-TOKEN.CREATED", "payment_token", shown_token(token))
        return token

    def _book(self, order: Json, *, is_told: bool = True) -> None:
        made = objects.capture(order, base=self.base)
        self.captures[made["id"]] = made
        order["purchase_units"][0]["payments"] = {"captures": [made]}
        order["status"] = "COMPLETED"
        if is_told:
            related = {"supplementary_data": {"related_ids": {"order_id": order["id"]}}}
            self.announce("PAYMENT.CAPTURE.COMPLETED", "capture", {**made, **related})

    def _order_of(self, capture_id: str) -> Json:
        return next(one for one in self.orders.values() if capture_id in _captures(one))

    def _refunds_of(self, capture_id: str) -> list[Json]:
        found: list[Json] = self._order_of(capture_id)["purchase_units"][0]["payments"].get("refunds") or []
        return found


def shown_token(token: Json) -> Json:
    """An agreement as the vendor shows it."""
    return {name: value for name, value in token.items() if name != "behaviour"}


def _captures(order: dict[str, Any]) -> list[str]:
    payments = order["purchase_units"][0].get("payments") or {}
    return [one["id"] for one in payments.get("captures") or []]

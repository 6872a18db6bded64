"""What the simulated vendor knows and does: customers, methods, payments, refunds, disputes. Every change is an event."""

from collections.abc import Callable
from typing import Any

from nexusone.providers.stripe.simulation import objects
from nexusone.providers.stripe.simulation.objects import Json

Tell = Callable[[Json], None]
DECLINES = {
    "declines": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "asks": ("authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."),
}
BEHAVIOURS = {"4242": "good", "0341": "declines", "3184": "asks"}


class VendorRefusal(Exception):
    """An error answer of the vendor's."""

    def __init__(self, status: int, message: str, **told: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": "invalid_request_error", "message": message, **told}}


def missing(what: str, identifier: str, *, param: str = "id") -> VendorRefusal:
    """There is no such thing."""
    return VendorRefusal(404, f"No such {what}: '{identifier}'", code="resource_missing", param=param)


class Ledger:
    """Everything in memory. `tell` is called with each event, `now` gives Unix time."""

    def __init__(self, *, tell: Tell, now: Callable[[], int]) -> None:
        self._tell, self._now = tell, now
        self.customers: dict[str, Json] = {}
        self.methods: dict[str, Json] = {}
        self.sessions: dict[str, Json] = {}
        self.session_intents: dict[str, Json] = {}
        self.intents: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}

    def open_customer(self, asked: Json) -> Json:
        made = objects.customer(asked, at=self._now())
        self.customers[made["id"]] = made
        return made

    def open_session(self, asked: Json, *, base: str) -> Json:
        if asked.get("customer") not in self.customers:
            raise missing("customer", str(asked.get("customer")), param="customer")
        made = objects.session(asked, at=self._now(), base=base)
        self.sessions[made["id"]] = made
        self.session_intents[made["id"]] = asked.get("payment_intent_data") or {}
        return made

    def pay(self, identifier: str, *, way: str) -> Json:
        """What a person did on the page of a session."""
        session = self.sessions[identifier]
        behaviour = {"pay_declines_later": "declines", "pay_asks_later": "asks"}.get(way, "good")
        if way == "decline":
            self._fail_on_page(session)
            return session
        if session["mode"] == "setup":
            self._attach(session["customer"], behaviour)
            session["setup_intent"] = objects.object_id("seti")
        else:
            wanted = self.session_intents[identifier]
            intent = self._session_intent(session)
            keeps = wanted.get("setup_future_usage") == "off_session"
            method = self._attach(session["customer"] if keeps else None, behaviour)
            self._capture(intent, method)
            session["payment_status"] = "paid"
        session["status"] = "complete"
        self.announce("checkout.session.completed", session)
        return session

    def expire(self, identifier: str) -> Json:
        session = self.sessions[identifier]
        if session["status"] == "open":
            session["status"] = "expired"
            self.announce("checkout.session.expired", session)
        return session

    def charge(self, asked: Json) -> Json:
        """A payment intent that is confirmed at once. Raises: VendorRefusal."""
        method = self.methods.get(str(asked.get("payment_method")))
        if method is None or method["customer"] is None or method["customer"] != asked.get("customer"):
            raise VendorRefusal(
                400,
                f"No such PaymentMethod: '{asked.get('payment_method')}'",
                code="resource_missing",
                param="payment_method",
            )
        made = objects.intent(
            amount=int(asked["amount"]),
            currency=asked["currency"],
            customer_id=asked["customer"],
            metadata=asked.get("metadata") or {},
            description=asked.get("description"),
            at=self._now(),
            method=method["id"],
        )
        self.intents[made["id"]] = made
        behaviour = BEHAVIOURS[method["card"]["last4"]]
        if behaviour != "good":
            self._decline(made, behaviour)
            told = {name: value for name, value in made["last_payment_error"].items() if name != "message"}
            raise VendorRefusal(402, made["last_payment_error"]["message"], **told, payment_intent=dict(made))
        self._capture(made, method)
        return made

    def refund(self, asked: Json) -> Json:
        intent = self.intents.get(str(asked.get("payment_intent")))
        if intent is None or intent["latest_charge"] is None:
            raise missing("payment_intent", str(asked.get("payment_intent")), param="payment_intent")
        charge = self.charges[intent["latest_charge"]]
        amount = int(asked.get("amount") or charge["amount"] - charge["amount_refunded"])
        if amount > charge["amount"] - charge["amount_refunded"]:
            message = "Refund amount is greater than unrefunded amount on charge"
            raise VendorRefusal(400, message, code="charge_already_refunded", param="amount")
        made = objects.refund(charge, amount=amount, metadata=asked.get("metadata") or {}, at=self._now())
        self.refunds[made["id"]] = made
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.announce("refund.created", made)
        self.announce("charge.refunded", charge)
        return made

    def fail_refund(self, identifier: str) -> Json:
        """The payer's bank sends a refund back after it had succeeded."""
        made = self.refunds[identifier]
        charge = self.charges[made["charge"]]
        made |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        charge |= {"amount_refunded": charge["amount_refunded"] - made["amount"], "refunded": False}
        self.announce("refund.failed", made)
        return made

    def open_dispute(self, intent_id: str) -> Json:
        charge = self.charges[self.intents[intent_id]["latest_charge"]]
        made = objects.dispute(charge, at=self._now())
        self.disputes[made["id"]] = made
        charge["disputed"] = True
        self.announce("charge.dispute.created", made)
        return made

    def close_dispute(self, identifier: str, *, status: str) -> Json:
        made = self.disputes[identifier]
        made["status"] = status
        self.announce("charge.dispute.closed", made)
        return made

    def plant(self, *, amount: int, currency: str, metadata: Json) -> Json:
        """A payment nobody here asked for; no event is sent."""
        made = objects.intent(
            amount=amount, currency=currency, customer_id=None, metadata=metadata, description=None, at=self._now(), method=None
        )
        self.intents[made["id"]] = made
        self._book(made)
        return made

    def lose(self, intent_id: str) -> None:
        """Forgets a payment, as if it had never been."""
        self.charges.pop(self.intents.pop(intent_id)["latest_charge"], None)

    def detach(self, identifier: str) -> Json:
        method = self.methods.pop(identifier, None)
        if method is None:
            raise missing("payment_method", identifier, param="payment_method")
        customer = method["customer"]
        method["customer"] = None
        self.announce("payment_method.detached", {**method, "customer": customer})
        return method

    def announce(self, kind: str, about: Json) -> None:
        """Sends an event about an object as it is now."""
        self._tell(objects.event(kind, about, at=self._now()))

    def _session_intent(self, session: Json) -> Json:
        if session["payment_intent"] is None:
            wanted = self.session_intents[session["id"]]
            made = objects.intent(
                amount=session["amount_total"],
                currency=session["currency"],
                customer_id=session["customer"],
                metadata=wanted.get("metadata") or {},
                description=wanted.get("description"),
                at=self._now(),
                method=None,
            )
            made["setup_future_usage"] = wanted.get("setup_future_usage")
            self.intents[made["id"]] = made
            session["payment_intent"] = made["id"]
            self.announce("payment_intent.created", made)
        return self.intents[session["payment_intent"]]

    def _fail_on_page(self, session: Json) -> None:
        if session["mode"] == "payment":
            self._decline(self._session_intent(session), "declines")

    def _decline(self, intent: Json, behaviour: str) -> None:
        code, decline_code, message = DECLINES[behaviour]
        intent["last_payment_error"] = {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}
        self.announce("payment_intent.payment_failed", intent)

    def _attach(self, customer_id: str | None, behaviour: str) -> Json:
        made = objects.card_method(customer_id=customer_id, behaviour=behaviour, at=self._now())
        self.methods[made["id"]] = made
        if customer_id is not None:
            self.announce("payment_method.attached", made)
        return made

    def _capture(self, intent: Json, method: Json) -> None:
        intent["payment_method"] = method["id"]
        self._book(intent)
        self.announce("charge.succeeded", self.charges[intent["latest_charge"]])
        self.announce("payment_intent.succeeded", intent)

    def _book(self, intent: Json) -> None:
        charge = objects.charge(intent, at=self._now())
        self.charges[charge["id"]] = charge
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"], "last_payment_error": None}

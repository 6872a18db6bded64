"""What every PaymentGateway must do, whoever the vendor. A vendor's test subclasses the suite and gives it a `desk`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import pytest

from nexusone.kernel.ids import new_id
from nexusone.kernel.money import Money
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.ports import (
    ChargeRequest,
    Checkout,
    CheckoutRequest,
    PaymentGateway,
    RefundRequest,
    SavedMethod,
    Trace,
    VendorPayment,
    WebhookRefused,
)

Mishap = Literal["slow", "rate_limit", "server_error", "reset", "lost_answer", "error_after_work", "garbage"]
Way = Literal["pay", "pay_declines_later", "pay_asks_later", "decline", "cancel"]

EUR = Money(amount=1999, currency="EUR")
UNKNOWN_AFTER: tuple[Mishap, ...] = ("slow", "server_error", "reset", "lost_answer", "error_after_work", "garbage")
DONE_AFTER: tuple[Mishap, ...] = ("lost_answer", "error_after_work", "garbage")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it arrived; header names are lower case."""

    headers: Mapping[str, str]
    body: bytes


class Desk(Protocol):
    """A gateway and the simulated vendor behind it."""

    @property
    def gateway(self) -> PaymentGateway:
        """Waits at most two seconds for an answer."""
        ...

    @property
    def stranger(self) -> PaymentGateway:
        """The same with a credential the vendor does not know."""
        ...

    @property
    def unreachable(self) -> PaymentGateway:
        """The same where nobody listens."""
        ...

    async def spoil(self, mishap: Mishap, *, times: int = 1, delay_seconds: float = 3.0, is_writing: bool = True) -> None:
        """Makes the vendor's next calls that write (or read) go wrong."""
        ...

    async def visit(self, checkout: Checkout, way: Way) -> str:
        """Does what a person does on the vendor's page; returns where they are sent."""
        ...

    async def open_dispute(self, payment: VendorPayment) -> str:
        """A payer complains; returns the dispute's id."""
        ...

    async def close_dispute(self, dispute: str, *, is_won: bool) -> None:
        """The complaint is decided."""
        ...

    async def plant(self, money: Money) -> None:
        """A payment that nobody asked for through the gateway."""
        ...

    async def deliveries(self, count: int) -> list[Delivery]:
        """The webhooks so far, once at least `count` are there."""
        ...


def reference() -> str:
    """One of ours, as the module writes them."""
    return f"{new_id().hex}.{new_id().hex}"


def trace(reference: str, *, subject: str | None = None, customer: str | None = None) -> Trace:
    """By what to find a payment of the last minute."""
    return Trace(reference=reference, subject=subject, customer=customer, since=datetime.now(UTC) - timedelta(minutes=1))


async def asking(desk: Desk, money: Money = EUR, *, saves_method: bool = False) -> CheckoutRequest:
    """A checkout of a new customer."""
    customer = await desk.gateway.open_customer(key=new_id().hex, email="ada@engines.example", name="Ada")
    return CheckoutRequest(
        reference=reference(),
        customer=customer,
        amount=money,
        description="1,000 credits",
        return_url="https://shop.example/back?paid=1",
        cancel_url="https://shop.example/cancelled",
        saves_method=saves_method,
        locale="de",
    )


async def paid(desk: Desk, request: CheckoutRequest, *, way: Way = "pay") -> VendorPayment:
    """A checkout that a person has paid."""
    checkout = await desk.gateway.start_checkout(request)
    await desk.visit(checkout, way)
    return await desk.gateway.complete(subject=checkout.subject, reference=request.reference)


async def saved(desk: Desk, *, way: Way = "pay") -> tuple[str, SavedMethod]:
    """A customer with a saved method."""
    request = await asking(desk, saves_method=True)
    await paid(desk, request, way=way)
    (method,) = await desk.gateway.list_methods(customer=request.customer)
    return request.customer, method


async def charging(desk: Desk, *, way: Way = "pay", money: Money = EUR) -> ChargeRequest:
    """A charge of a saved method."""
    customer, method = await saved(desk, way=way)
    return ChargeRequest(reference=reference(), customer=customer, method=method.vendor_id, amount=money, description="Invoice 7")


async def captured_since(desk: Desk, since: datetime) -> list[str | None]:
    """The references of all that was captured."""
    listed = await desk.gateway.list_payments(since=since - timedelta(seconds=2), until=datetime.now(UTC) + timedelta(minutes=1))
    return [payment.reference for payment in listed]


class PaymentGatewayConformance:
    """Inherit, and define a fixture `desk`."""

    async def test_the_same_key_opens_the_same_customer(self, desk: Desk) -> None:
        first = await desk.gateway.open_customer(key="w1", email=None, name="Ada")
        assert await desk.gateway.open_customer(key="w1", email=None, name="Ada") == first
        assert await desk.gateway.open_customer(key="w2", email=None, name="Ada") != first

    async def test_an_unvisited_page_is_open_and_unpaid(self, desk: Desk) -> None:
        request = await asking(desk)
        checkout = await desk.gateway.start_checkout(request)
        found = await desk.gateway.find_payment(trace(request.reference, subject=checkout.subject))
        assert found is not None
        assert (found.state, found.reference, found.capture_id, found.amount) == ("open", request.reference, None, EUR)

    async def test_a_paid_page_leads_back_and_is_captured(self, desk: Desk) -> None:
        request = await asking(desk)
        checkout = await desk.gateway.start_checkout(request)
        assert (await desk.visit(checkout, "pay")).startswith("https://shop.example/back?paid=1")
        done = await desk.gateway.complete(subject=checkout.subject, reference=request.reference)
        assert (done.state, done.reference, done.amount, done.refunds, done.disputes) == ("captured", request.reference, EUR, (), ())
        assert done.capture_id
        assert await desk.gateway.find_payment(trace(request.reference, subject=checkout.subject)) is not None

    async def test_completing_twice_captures_once(self, desk: Desk) -> None:
        request, began = await asking(desk), datetime.now(UTC)
        first = await paid(desk, request)
        again = await desk.gateway.complete(subject=first.subject, reference=request.reference)
        assert again.capture_id == first.capture_id
        assert await captured_since(desk, began) == [request.reference]

    @pytest.mark.parametrize("way", ["decline", "cancel"])
    async def test_who_does_not_pay_has_not_paid(self, desk: Desk, way: Way) -> None:
        request = await asking(desk)
        checkout = await desk.gateway.start_checkout(request)
        await desk.visit(checkout, way)
        found = await desk.gateway.find_payment(trace(request.reference, subject=checkout.subject))
        assert found is not None
        assert found.state in ("open", "approved", "failed", "canceled")
        assert found.capture_id is None

    @pytest.mark.parametrize(
        "money", [Money(amount=500, currency="JPY"), Money(amount=1, currency="USD"), Money(amount=1_234_567, currency="GBP")]
    )
    async def test_amounts_survive_in_every_currency(self, desk: Desk, money: Money) -> None:
        assert (await paid(desk, await asking(desk, money))).amount == money

    async def test_the_same_reference_opens_one_page(self, desk: Desk) -> None:
        request = await asking(desk)
        assert await desk.gateway.start_checkout(request) == await desk.gateway.start_checkout(request)

    async def test_a_method_can_be_saved_listed_and_removed(self, desk: Desk) -> None:
        customer, method = await saved(desk)
        assert method.label
        assert "4242424242424242" not in repr(method)
        await desk.gateway.remove_method(method=method.vendor_id)
        await desk.gateway.remove_method(method=method.vendor_id)
        assert await desk.gateway.list_methods(customer=customer) == []

    async def test_a_checkout_that_saves_nothing_leaves_no_method(self, desk: Desk) -> None:
        request = await asking(desk)
        await paid(desk, request)
        assert await desk.gateway.list_methods(customer=request.customer) == []

    async def test_a_method_is_saved_without_a_charge_or_that_is_refused(self, desk: Desk) -> None:
        request = replace(await asking(desk, saves_method=True), amount=None)
        if not desk.gateway.saves_without_charge:
            with pytest.raises(DefiniteFailure) as refused:
                await desk.gateway.start_checkout(request)
            assert refused.value.code == "vendor.not_supported"
            return
        await desk.visit(await desk.gateway.start_checkout(request), "pay")
        assert len(await desk.gateway.list_methods(customer=request.customer)) == 1

    async def test_a_saved_method_is_charged_with_nobody_present(self, desk: Desk) -> None:
        request = await charging(desk)
        done = await desk.gateway.charge(request)
        assert (done.state, done.reference, done.amount) == ("captured", request.reference, EUR)

    async def test_the_same_reference_charges_once(self, desk: Desk) -> None:
        request, began = await charging(desk), datetime.now(UTC)
        first, second = await desk.gateway.charge(request), await desk.gateway.charge(request)
        assert first.capture_id == second.capture_id
        assert (await captured_since(desk, began)).count(request.reference) == 1

    @pytest.mark.parametrize(("way", "code"), [("pay_declines_later", "insufficient_funds"), ("pay_asks_later", "needs_authentication")])
    async def test_a_payers_no_is_named(self, desk: Desk, way: Way, code: str) -> None:
        request = await charging(desk, way=way)
        failure = await _failure(desk.gateway, request)
        assert (failure.code, failure.is_retryable) == (f"payment.{code}", False)

    async def test_a_removed_method_is_gone(self, desk: Desk) -> None:
        request = await charging(desk)
        await desk.gateway.remove_method(method=request.method)
        assert (await _failure(desk.gateway, request)).code == "payment.method_gone"

    async def test_a_wrong_credential_is_a_definite_failure_that_waiting_does_not_heal(self, desk: Desk) -> None:
        failure = await _failure(desk.stranger, await charging(desk))
        assert (failure.code, failure.is_retryable) == ("vendor.unauthorized", False)

    async def test_a_vendor_that_cannot_be_reached_surely_did_nothing(self, desk: Desk) -> None:
        assert (await _failure(desk.unreachable, await charging(desk))).is_retryable

    async def test_a_rate_limit_says_when_to_come_back(self, desk: Desk) -> None:
        request = await charging(desk)
        await desk.spoil("rate_limit", delay_seconds=7)
        failure = await _failure(desk.gateway, request)
        assert (failure.code, failure.is_retryable, failure.retry_after_seconds) == ("vendor.rate_limited", True, 7.0)

    @pytest.mark.parametrize("mishap", UNKNOWN_AFTER)
    async def test_what_may_have_happened_is_unknown_and_never_done_twice(self, desk: Desk, mishap: Mishap) -> None:
        request, began = await charging(desk), datetime.now(UTC)
        await desk.spoil(mishap)
        with pytest.raises(UnknownOutcome):
            await desk.gateway.charge(request)
        if mishap in DONE_AFTER:
            found = await desk.gateway.find_payment(trace(request.reference, customer=request.customer))
            assert found is not None
            assert (found.state, found.amount) == ("captured", EUR)
        assert (await desk.gateway.charge(request)).state == "captured"
        assert (await captured_since(desk, began)).count(request.reference) == 1

    async def test_a_payment_that_never_was_is_not_found(self, desk: Desk) -> None:
        assert await desk.gateway.find_payment(trace(reference())) is None
        assert await desk.gateway.find_payment(trace(reference(), subject="cs_test_gone")) is None

    async def test_refunds_are_partial_and_add_up(self, desk: Desk) -> None:
        request = await asking(desk)
        capture = (await paid(desk, request)).capture_id or ""
        first = await desk.gateway.refund(RefundRequest(reference=reference(), capture_id=capture, amount=_euro(500)))
        second = await desk.gateway.refund(RefundRequest(reference=reference(), capture_id=capture, amount=_euro(1499)))
        assert (first.state, second.state) == ("succeeded", "succeeded")
        found = await desk.gateway.find_payment(trace(request.reference, customer=request.customer))
        assert found is not None
        assert {refund.vendor_id: refund.amount for refund in found.refunds} == {first.vendor_id: 500, second.vendor_id: 1499}
        assert {refund.reference for refund in found.refunds} == {first.reference, second.reference}

    async def test_no_more_is_refunded_than_was_captured(self, desk: Desk) -> None:
        capture = (await paid(desk, await asking(desk))).capture_id or ""
        with pytest.raises(DefiniteFailure) as refused:
            await desk.gateway.refund(RefundRequest(reference=reference(), capture_id=capture, amount=_euro(2000)))
        assert not refused.value.is_retryable

    @pytest.mark.parametrize("mishap", DONE_AFTER)
    async def test_a_refund_whose_answer_was_lost_is_given_once(self, desk: Desk, mishap: Mishap) -> None:
        request = await asking(desk)
        done = await paid(desk, request)
        wanted = RefundRequest(reference=reference(), capture_id=done.capture_id or "", amount=_euro(700))
        await desk.spoil(mishap)
        with pytest.raises(UnknownOutcome):
            await desk.gateway.refund(wanted)
        refund = await desk.gateway.refund(wanted)
        found = await desk.gateway.find_payment(trace(request.reference, subject=done.subject))
        assert found is not None
        assert [(one.vendor_id, one.amount, one.reference) for one in found.refunds] == [(refund.vendor_id, 700, wanted.reference)]

    @pytest.mark.parametrize("is_won", [True, False])
    async def test_a_dispute_is_seen_with_its_end(self, desk: Desk, is_won: bool) -> None:
        request = await asking(desk)
        done = await paid(desk, request)
        dispute = await desk.open_dispute(done)
        found = await desk.gateway.find_payment(trace(request.reference, subject=done.subject))
        assert found is not None
        assert [(one.vendor_id, one.state, one.amount) for one in found.disputes] == [(dispute, "open", 1999)]
        await desk.close_dispute(dispute, is_won=is_won)
        found = await desk.gateway.find_payment(trace(request.reference, subject=done.subject))
        assert found is not None
        assert [one.state for one in found.disputes] == ["won" if is_won else "lost"]

    async def test_the_days_list_has_what_we_asked_for_and_what_we_did_not(self, desk: Desk) -> None:
        began = datetime.now(UTC)
        request = await asking(desk)
        await paid(desk, request)
        await desk.plant(_euro(4200))
        listed = await desk.gateway.list_payments(since=began - timedelta(seconds=2), until=datetime.now(UTC) + timedelta(minutes=1))
        assert sorted((one.reference or "", one.amount.amount) for one in listed) == [("", 4200), (request.reference, 1999)]
        assert await desk.gateway.list_payments(since=began - timedelta(days=2), until=began - timedelta(days=1)) == []

    async def test_a_genuine_webhook_leads_to_the_payment(self, desk: Desk) -> None:
        request = await asking(desk)
        await paid(desk, request)
        subjects = []
        for delivery in await desk.deliveries(1):
            notice = await desk.gateway.read_webhook(headers=delivery.headers, body=delivery.body, now=datetime.now(UTC))
            assert notice.event_id
            assert notice.kind
            if notice.subject is not None:
                subjects.append(notice.subject)
        assert subjects
        for subject in subjects:
            found = await desk.gateway.find_payment(trace("?", subject=subject))
            assert found is not None
            assert (found.reference, found.state) == (request.reference, "captured")

    async def test_refunds_and_disputes_are_told_of_the_payment(self, desk: Desk) -> None:
        request = await asking(desk)
        done = await paid(desk, request)
        before = len(await desk.deliveries(1))
        await desk.gateway.refund(RefundRequest(reference=reference(), capture_id=done.capture_id or "", amount=_euro(100)))
        await desk.open_dispute(done)
        for delivery in (await desk.deliveries(before + 2))[before:]:
            notice = await desk.gateway.read_webhook(headers=delivery.headers, body=delivery.body, now=datetime.now(UTC))
            found = await desk.gateway.find_payment(trace("?", subject=notice.subject))
            assert found is not None
            assert found.reference == request.reference

    async def test_a_forged_or_broken_webhook_is_refused(self, desk: Desk) -> None:
        await paid(desk, await asking(desk))
        genuine = (await desk.deliveries(1))[0]
        forged = [
            Delivery(genuine.headers, genuine.body + b" "),
            Delivery(genuine.headers, genuine.body.replace(b"1999", b"0001").replace(b"19.99", b"00.01")),
            Delivery(genuine.headers, b""),
            Delivery(genuine.headers, b"\xff\xfe"),
            Delivery(genuine.headers, b"[" * 100_000),
            Delivery({}, genuine.body),
            *(Delivery({**genuine.headers, name: ""}, genuine.body) for name in genuine.headers if "sig" in name),
            *(Delivery({**genuine.headers, name: "x, ,=,t=,v1="}, genuine.body) for name in genuine.headers if "sig" in name),
        ]
        for delivery in forged:
            with pytest.raises(WebhookRefused):
                await desk.gateway.read_webhook(headers=delivery.headers, body=delivery.body, now=datetime.now(UTC))


async def _failure(gateway: PaymentGateway, request: ChargeRequest) -> DefiniteFailure:
    with pytest.raises(DefiniteFailure) as raised:
        await gateway.charge(request)
    return raised.value


def _euro(cents: int) -> Money:
    return Money(amount=cents, currency="EUR")

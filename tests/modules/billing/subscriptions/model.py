"""What a subscription should do, as simply as it can be said: months in UTC, two plans, amounts before taxes."""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

PRICES = {"starter": 2700, "scale": 46900}
TRIAL_DAYS = {"starter": 14, "scale": 0}
WAITS = (2, 5, 7, 7)
DAY = timedelta(days=1)
NEVER = datetime.min.replace(tzinfo=UTC)
Terms = tuple[str, int]


class Refused(Exception):
    """The model does not allow it."""


@dataclass
class ModelInvoice:
    amount: int
    state: str = "open"
    failures: int = 0
    retries: int = 0
    dunning: str | None = None
    next_at: datetime | None = None


@dataclass
class Model:
    """One workspace."""

    now: datetime
    state: str | None = None
    terms: Terms = ("starter", 1)
    following: Terms | None = None
    begun_at: datetime = NEVER
    anchor: datetime = NEVER
    months: int = 0
    starts_at: datetime = NEVER
    ends_at: datetime = NEVER
    ending: str | None = None
    is_reminded: bool = False
    had_trial: bool = False
    invoices: list[ModelInvoice] = field(default_factory=list)
    own: list[ModelInvoice] = field(default_factory=list)
    periods: list[tuple[datetime, datetime]] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return self.state in (None, "ended", "expired")

    @property
    def plan(self) -> str | None:
        return self.terms[0] if self.state in ("trialing", "active", "past_due") else None

    def start(self, terms: Terms, *, is_trial: bool) -> None:
        self._demand(self.is_over)
        self.terms, self.following, self.ending, self.is_reminded, self.own, self.periods = terms, None, None, False, [], []
        self.begun_at = self.now
        if is_trial and TRIAL_DAYS[terms[0]] and not self.had_trial:
            self.had_trial = True
            midnight = self.now.replace(hour=0, minute=0, second=0)
            self.state, self.starts_at = "trialing", self.now
            self.ends_at = midnight + (TRIAL_DAYS[terms[0]] + (midnight != self.now)) * DAY
            self.periods.append((self.starts_at, self.ends_at))
            return
        self.state = "incomplete"
        self._count_from(self.now)
        self._bill(price(terms))

    def pay(self, invoice: ModelInvoice) -> None:
        invoice.state = "paid"
        if invoice not in self.own or self.is_over:
            return
        invoice.dunning, invoice.next_at = None, None
        if self.state == "incomplete" or (self.state == "past_due" and not self._owes()):
            self.state = "active"

    def fail(self, invoice: ModelInvoice) -> None:
        invoice.failures += 1
        if invoice not in self.own or self.is_over or self.state in ("incomplete", "trialing"):
            return
        if invoice.dunning is None:
            invoice.dunning, invoice.next_at = "waiting", self.now + WAITS[0] * DAY
        elif invoice.dunning == "trying" and invoice.retries == len(WAITS):
            invoice.state = "uncollectible"
            self._end("ended")
            return
        elif invoice.dunning == "trying":
            invoice.dunning, invoice.next_at = "waiting", self.now + WAITS[invoice.retries] * DAY
        if self.state == "active":
            self.state = "past_due"

    def change(self, terms: Terms, when: str | None) -> None:
        self._catch_up_living()
        self._demand(self.state in ("trialing", "active") and terms != (self.following or self.terms))
        if terms == self.terms:
            self.following = None
            return
        if self.state == "trialing":
            if when == "period_end" or (when is None and price(terms) < price(self.terms)):
                self.following = terms
            else:
                self.terms, self.following = terms, None
            return
        net = self._share(price(terms)) - self._share(price(self.terms))
        self._demand(when != "now" or net >= 0)
        if when == "period_end" or net < 0 or (when is None and price(terms) < price(self.terms)):
            self.following = terms
            return
        self.terms, self.following = terms, None
        self._bill(net)

    def pause(self, when: str) -> None:
        self._catch_up_living()
        self._demand(self.state == "active" and (when == "now" or self.ending != "pause"))
        if when == "now":
            self.state, self.ending = "paused", None
        else:
            self.ending = "pause"

    def resume(self) -> None:
        self._catch_up_living()
        if self.state != "paused":
            self._demand(self.ending is not None)
            self.ending = None
            return
        self.state = "past_due" if self._owes() else "active"
        if self.now >= self.ends_at:
            self._take_following()
            self._count_from(self.now)
            self._bill(price(self.terms))

    def cancel(self, when: str) -> None:
        self._catch_up_living()
        if when == "now" or self.state in ("incomplete", "paused"):
            if self.state == "incomplete":
                self.own[0].state = "void"
            self._end("ended")
            return
        self._demand(self.ending != "cancel")
        self.ending = "cancel"

    def catch_up(self) -> None:
        while self._step():
            pass

    def _step(self) -> bool:
        waiting = sorted(invoice.next_at for invoice in self.own if invoice.next_at is not None)
        retry = bool(waiting) and waiting[0] <= self.now
        match self.state:
            case "incomplete" if self.now >= self.begun_at + timedelta(hours=23):
                self.own[0].state = "void"
                self._end("expired")
            case "trialing" if not self.is_reminded and self.now >= self.ends_at - 3 * DAY:
                self.is_reminded = True
            case "trialing" | "active" if (self.is_reminded or self.state == "active") and self.now >= self.ends_at:
                self._turn()
            case "past_due" if self.ending == "cancel" and self.now >= self.ends_at and (not waiting or self.ends_at <= waiting[0]):
                self._end("ended")
            case "past_due" | "paused" if retry:
                invoice = next(invoice for invoice in self.own if invoice.next_at == waiting[0])
                invoice.retries += invoice.dunning == "waiting"
                invoice.dunning, invoice.next_at = "trying", self.now + DAY
            case _:
                return False
        return True

    def _turn(self) -> None:
        if self.ending == "cancel":
            self._end("ended")
        elif self.ending == "pause":
            self.state, self.ending = "paused", None
        else:
            self._take_following()
            if self.state == "trialing":
                self.state = "active"
                self._count_from(self.ends_at)
            else:
                self._next_month()
            self._bill(price(self.terms))

    def _take_following(self) -> None:
        self.terms, self.following = self.following or self.terms, None

    def _count_from(self, at: datetime) -> None:
        self.anchor, self.months, self.ends_at = at, 0, at
        self._next_month()

    def _next_month(self) -> None:
        self.months += 1
        self.starts_at = self.ends_at
        year, month = divmod(self.anchor.year * 12 + self.anchor.month - 1 + self.months, 12)
        day = min(self.anchor.day, calendar.monthrange(year, month + 1)[1])
        self.ends_at = self.anchor.replace(year=year, month=month + 1, day=day, hour=0, minute=0, second=0)
        self.periods.append((self.starts_at, self.ends_at))

    def _share(self, amount: int) -> int:
        whole, over = divmod(
            amount * ((self.ends_at - self.now) // timedelta(seconds=1)), total := (self.ends_at - self.starts_at) // timedelta(seconds=1)
        )
        return whole + (2 * over > total)

    def _bill(self, amount: int) -> None:
        if amount > 0:
            self.invoices.append(ModelInvoice(amount))
            self.own.append(self.invoices[-1])

    def _owes(self) -> bool:
        return any(invoice.next_at is not None for invoice in self.own)

    def _end(self, state: str) -> None:
        self.state, self.ending, self.following = state, None, None
        for invoice in self.own:
            if invoice.next_at is not None and invoice.state == "open":
                invoice.state = "uncollectible"
            invoice.next_at = None

    def _catch_up_living(self) -> None:
        self.catch_up()
        self._demand(not self.is_over)

    def _demand(self, is_so: bool) -> None:
        if not is_so:
            raise Refused


def price(terms: Terms) -> int:
    """What a period costs."""
    return PRICES[terms[0]] * terms[1]

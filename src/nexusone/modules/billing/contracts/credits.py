"""The words of billing: holds and balances (micro-credits, for other modules), credits on the wire (decimal strings)."""

from typing import Literal

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.kernel.money import CreditsText, MicroCredits
from nexusone.modules.billing.domain.resolution import HoldState
from nexusone.modules.billing.domain.sources import GrantSource

TransferKind = Literal[
    "grant", "hold", "settle", "part", "late", "release", "hold_expiry", "grant_expiry", "repayment", "excess", "rollover", "correction"
]
LedgerAccount = Literal["granted", "available", "held", "spent", "overdraft", "expired"]


class Hold(Contract):
    """Credits set aside under the caller's key; `settled_micros` of `amount_micros` were used so far."""

    id: Id
    key: str
    purpose: str
    amount_micros: MicroCredits
    settled_micros: MicroCredits
    state: HoldState
    expires_at: Instant


class Balance(Contract):
    """A workspace's credits. granted + overdraft = available + held + spent + expired, none below zero."""

    available_micros: MicroCredits
    held_micros: MicroCredits
    spent_micros: MicroCredits
    expired_micros: MicroCredits
    overdraft_micros: MicroCredits
    granted_micros: MicroCredits


class Credits(Contract):
    """A workspace's credits: granted + overdraft = available + held + spent + expired."""

    available: CreditsText
    held: CreditsText
    spent: CreditsText
    expired: CreditsText
    overdraft: CreditsText
    granted: CreditsText


class LedgerEntry(Contract):
    """One line of a transfer: `amount` credits come into `account`, or leave it (negative). The lines of a transfer sum to zero.

    `key` is the key of the hold or grant that was moved.
    """

    transfer_id: Id
    time: Instant
    kind: TransferKind
    purpose: str
    key: str
    amount: CreditsText
    account: LedgerAccount


class GrantedCredits(Contract):
    """Credits that were granted. Lower priorities burn first, then what expires first, then the oldest.

    `rolls_over_until`: at its end, what is left goes on in another grant until then.
    """

    id: Id
    source: GrantSource
    priority: int
    amount: CreditsText
    remaining: CreditsText
    granted_at: Instant
    expires_at: Instant | None
    rolls_over_until: Instant | None


class HeldCredits(Contract):
    """Credits set aside. `excess` was settled beyond it. `is_kept`: whether its work was done is not known yet."""

    id: Id
    key: str
    purpose: str
    amount: CreditsText
    settled: CreditsText
    excess: CreditsText
    state: HoldState
    is_kept: bool
    held_at: Instant
    expires_at: Instant


class Spend(Contract):
    """What one booking took from a grant for good; `key` is that of the hold."""

    transfer_id: Id
    time: Instant
    purpose: str
    key: str
    amount: CreditsText

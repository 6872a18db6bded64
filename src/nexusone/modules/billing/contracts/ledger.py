"""The words of the ledger's proof."""

from nexusone.kernel.contract import Contract, Id
from nexusone.kernel.money import MicroCredits


class LedgerDifference(Contract):
    """A place where the books disagree, in micro-credits; `found_micros` None: the row or the line is missing."""

    workspace_id: Id
    part: str
    subject: str
    expected_micros: MicroCredits
    found_micros: MicroCredits | None

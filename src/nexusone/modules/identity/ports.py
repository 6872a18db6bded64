"""What identity needs from the world: who carries the mails of the product itself, and who finds the proof of a domain."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from nexusone.platform.http import OutgoingHttp


@dataclass(frozen=True, slots=True)
class SystemMail:
    """One mail of the product to one person, finished: `text` and `html` say the same. `locale` is its language, `at` its date."""

    recipient: str
    locale: str
    subject: str
    text: str
    html: str
    at: datetime


class SystemMailer(Protocol):
    """Carries the product's own mails: verification, password reset, security notifications, invitations."""

    async def send(self, mail: SystemMail) -> None:
        """Hands the mail over; returns when the carrier has taken it. Raises: DefiniteFailure, UnknownOutcome."""
        ...


class DomainProofs(Protocol):
    """Looks at a domain itself for the word that only who has the domain can put there."""

    def address_of(self, domain: str) -> str:
        """Where the proof has to be readable."""
        ...

    async def find(self, http: OutgoingHttp, *, domain: str) -> str | None:
        """The text that is there, without surrounding blanks; None where nothing can be read."""
        ...

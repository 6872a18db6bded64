"""What identity needs from the world: somebody who carries the mails of the product itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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

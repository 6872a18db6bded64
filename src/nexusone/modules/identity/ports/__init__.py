"""What identity needs from the world: who carries the mails of the product itself, and where domains are proved."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MailAttachment:
    """A file that goes with a mail; `content_type` such as application/pdf."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SystemMail:
    """One mail of the product to one person, finished: `text` and `html` say the same. `locale` is its language, `at` its date."""

    recipient: str
    locale: str
    subject: str
    text: str
    html: str
    at: datetime
    attachments: tuple[MailAttachment, ...] = ()


class SystemMailer(Protocol):
    """Carries the product's own mails: verification, password reset, security notifications, invitations."""

    async def send(self, mail: SystemMail) -> None:
        """Hands the mail over; returns when the carrier has taken it. Raises: DefiniteFailure, UnknownOutcome."""
        ...


class BreachedPasswords(Protocol):
    """Knows passwords that were stolen elsewhere, by ranges, so that whoever is asked does not learn which one is meant."""

    async def suffixes_under(self, prefix: str) -> frozenset[str]:
        """Of all SHA-1 digests that begin with these five upper-case hexadecimal digits, the 35 that follow."""
        ...


class DomainProofs(Protocol):
    """Knows where the proof of a domain stands, at which only who has the domain can write."""

    def address_of(self, domain: str) -> str:
        """Where the text has to be readable by everybody."""
        ...

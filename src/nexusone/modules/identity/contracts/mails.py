"""The errands behind the product's own mails: what a job needs to write one, and never a token."""

from typing import Literal

from nexusone.kernel.contract import Contract, Id, Instant

NoticeKind = Literal[
    "new_device",
    "password_changed",
    "password_reset",
    "mfa_changed",
    "passkey_added",
    "recovery_codes_changed",
    "refresh_reused",
    "api_key_created",
    "email_changed",
]


class VerificationOrder(Contract):
    """A mail to somebody who signed up."""

    sign_up_id: Id


class ResetOrder(Contract):
    """A mail to the account of an address, if it has one."""

    email: str
    locale: str


class NoticeOrder(Contract):
    """A mail that tells a person what happened to their account; `recipient` where it does not go to their present address."""

    user_id: Id
    kind: NoticeKind
    at: Instant
    ip: str | None = None
    user_agent: str | None = None
    recipient: str | None = None


class EnclosedFile(Contract):
    """A file that goes with a mail; `content_type` such as application/pdf."""

    name: str
    content_type: str
    content: bytes


class WrittenMail(Contract):
    """A mail another module has written: each paragraph is plain text, and a word in it that is a link becomes one."""

    recipient: str
    locale: str
    subject: str
    paragraphs: tuple[str, ...]
    footer: str
    files: tuple[EnclosedFile, ...] = ()

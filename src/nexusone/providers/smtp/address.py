"""Where an SMTP server is and how to speak to it, read from one address such as `smtps://user:pass@mail.example:465`."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

Security = Literal["none", "starttls", "tls"]

SCHEMES: dict[str, tuple[Security, int]] = {"smtp": ("none", 25), "smtp+starttls": ("starttls", 587), "smtps": ("tls", 465)}


class AddressMalformed(ValueError):
    """The address cannot be used; the message never repeats it, for it may hold a password."""


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """A parsed address. `is_public_only`: refuse hosts that resolve into private networks."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    is_public_only: bool = False


def parse_address(text: str, *, is_public_only: bool = False) -> SmtpAddress:
    """Reads `smtp://`, `smtps://` or `smtp+starttls://` with optional `user:password@`; raises AddressMalformed."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise AddressMalformed("the address is not a URL") from None
    if parts.scheme not in SCHEMES:
        raise AddressMalformed("the scheme must be one of " + ", ".join(SCHEMES))
    if not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise AddressMalformed("the address must be scheme://user:password@host:port and nothing more")
    security, default_port = SCHEMES[parts.scheme]
    user = unquote(parts.username) if parts.username else None
    if user and security == "none" and not is_loopback(host):
        raise AddressMalformed("a password travels only over smtps:// or smtp+starttls://")
    return SmtpAddress(
        host=host,
        port=port or default_port,
        security=security,
        user=user,
        password=unquote(parts.password or "") if user else None,
        is_public_only=is_public_only,
    )


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, going by its name alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

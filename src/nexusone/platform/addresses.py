"""Which addresses the product may speak to on somebody's word: public ones, and in the sandbox the simulators alone. Pure."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from nexusone.kernel.outcomes import DefiniteFailure

URL_LENGTH_MAX = 2000
PORTS = frozenset({443, 8443})
HOST = re.compile(r"^(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")

# Python 3.11 takes these for global. Translation (NAT64, 6to4, Teredo) would reach private networks through a public-looking address.
NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# All that is public in IPv6 today was given out of this block.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class AddressRefused(DefiniteFailure):
    """The address may not be spoken to: not https, another port, a private network, or a host that is no name."""

    def __init__(self, detail: str) -> None:
        super().__init__(code="http.address_refused", detail=detail, is_retryable=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """Where outgoing requests may go: public addresses over https, or nothing but these origins (`http://127.0.0.1:8025`)."""

    is_public: bool
    origins: frozenset[str] = frozenset()


LIVE = Reach(is_public=True)


def sandbox_reach(*origins: str) -> Reach:
    """The simulators' origins on this machine and nothing else. Raises: ValueError where one is not on loopback."""
    for origin in origins:
        if not ipaddress.ip_address(urlsplit(origin).hostname or "").is_loopback:
            raise ValueError(f"{origin} is not on this machine")
    return Reach(is_public=False, origins=frozenset(origins))


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the public internet; an embedded IPv4 address is judged by itself."""
    try:
        judged: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(judged, ipaddress.IPv6Address):
        if judged.scope_id is not None:
            return False
        if judged.ipv4_mapped is not None:
            judged = judged.ipv4_mapped
        elif judged not in GLOBAL_UNICAST:
            return False
    return judged.is_global and not judged.is_multicast and not any(judged in network for network in NOT_PUBLIC)


def check_url(url: str, *, reach: Reach) -> None:
    """Refuses an address by its text alone; what its host resolves to is checked when it is connected to.

    Raises:
        AddressRefused: with what is wrong.
    """
    if len(url) > URL_LENGTH_MAX or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise AddressRefused("the address is not a URL")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("the address is not a URL") from None
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("an address carries no user and no password")
    if f"{parts.scheme}://{parts.netloc}" in reach.origins:
        return
    if not reach.is_public:
        raise AddressRefused("in the sandbox only simulators are spoken to")
    if parts.scheme != "https":
        raise AddressRefused("only https is spoken")
    if (port or 443) not in PORTS:
        raise AddressRefused(f"port {port} is not spoken to")
    check_host(host)


def check_host(host: str) -> None:
    """Refuses hosts that are neither a name nor a public address in its usual spelling. Raises: AddressRefused."""
    if ":" in host or host.replace(".", "").isdigit():
        if not is_public(host):
            raise AddressRefused("the address is not public")
        return
    # A last label of digits, or like 0x7f, is a number to the system's resolver.
    if not HOST.match(host.lower().removesuffix(".")) or re.match(r"^0x[0-9a-f]*\Z", host.lower().rsplit(".", 1)[-1]):
        raise AddressRefused("the host is not a name")

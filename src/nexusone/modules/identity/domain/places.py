"""Where a request comes from, as far as limits and known devices care."""

import hashlib
import ipaddress


def network_of(ip: str | None) -> str:
    """The address for IPv4, the /64 for IPv6, of which one subscriber has all; `unknown` without a readable address."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def fingerprint_of(*, ip: str | None, user_agent: str | None) -> bytes:
    """The same for the same program in the same network: 32 bytes that tell neither."""
    return hashlib.sha256(f"{network_of(ip)}\n{user_agent or ''}".encode()).digest()

"""Vendors that a workspace can connect with credentials of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as data: what it needs to be spoken to, which ports it implements, whether another address may be given."""

    name: str
    title: str
    ports: frozenset[type[object]]
    credential_fields: tuple[str, ...]
    optional_fields: tuple[str, ...] = ()
    takes_address: bool = False


class VendorKit(Protocol):
    """Builds clients of vendors; who builds one closes it."""

    def vendors(self) -> tuple[Vendor, ...]:
        """All vendors there are, by name."""
        ...

    def build(self, vendor: str, port: type[object], *, credentials: Mapping[str, str], address: str | None) -> object:
        """The vendor's implementation of a port. `address` (None: the vendor's own) is connected to only where it is public.

        Raises:
            LookupError: there is no such vendor, or it does not implement the port.
        """
        ...

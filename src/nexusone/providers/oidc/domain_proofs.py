"""Where domains are proved: at a well-known place of the domain's own web server, or in the sandbox at the simulator."""

from collections.abc import Callable

from nexusone.modules.identity.ports import DomainProofs
from nexusone.platform.provider import ProviderSetup

PATH = "/.well-known/nexusone-domain"


class WellKnownProofs:
    """Proofs at an address that follows from the domain."""

    def __init__(self, address_of: Callable[[str], str]) -> None:
        self._address_of = address_of

    def address_of(self, domain: str) -> str:
        """Where the text has to be readable by everybody."""
        return self._address_of(domain)


def build_domain_proofs(setup: ProviderSetup) -> DomainProofs:
    """The domains themselves, or in the sandbox `/domains/<domain>` of the simulator."""
    if setup.is_sandbox:
        return WellKnownProofs(lambda domain: f"{setup.address}/domains/{domain}")
    return WellKnownProofs(lambda domain: f"https://{domain}{PATH}")

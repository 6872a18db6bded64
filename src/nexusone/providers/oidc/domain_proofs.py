"""Proofs of domains: a text at a well-known place of the domain's own web server, which in the sandbox is the simulator."""

from collections.abc import Callable

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.identity.ports import DomainProofs
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup

PATH = "/.well-known/nexusone-domain"
TEXT_BYTES_MAX = 1024


class WellKnownProofs:
    """Reads one small text; a redirect, another status or no answer is no proof."""

    def __init__(self, address_of: Callable[[str], str]) -> None:
        self._address_of = address_of

    def address_of(self, domain: str) -> str:
        """Where the proof has to be readable."""
        return self._address_of(domain)

    async def find(self, http: OutgoingHttp, *, domain: str) -> str | None:
        """The text that is there, without surrounding blanks; None where nothing can be read."""
        try:
            answer = await http.request("GET", self._address_of(domain), answer_bytes_max=TEXT_BYTES_MAX)
            return answer.body.decode("ascii").strip() if answer.status == 200 else None
        except (DefiniteFailure, UnknownOutcome, UnicodeDecodeError):
            return None


def build_domain_proofs(setup: ProviderSetup) -> DomainProofs:
    """Looks at the domains themselves, or in the sandbox at `/domains/<domain>` of the simulator."""
    if setup.is_sandbox:
        return WellKnownProofs(lambda domain: f"{setup.address}/domains/{domain}")
    return WellKnownProofs(lambda domain: f"https://{domain}{PATH}")

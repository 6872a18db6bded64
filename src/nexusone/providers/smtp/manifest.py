"""SMTP as a provider: any mail server that takes submissions."""

from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.provider import Capability, Manifest, ProviderSetup
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.simulator import simulate
from nexusone.providers.smtp.transport import SmtpTransport


def build_transport(setup: ProviderSetup) -> EmailTransport:
    """The transport to the credentials' address, or to the setup's in the sandbox; raises AddressMalformed.

    An address out of the vault is a customer's word and may not point into private networks; the setup's is the operator's.
    """
    own = "" if setup.is_sandbox else setup.credentials.get("address", "")
    return SmtpTransport(parse_address(own or setup.address, is_public_only=bool(own)))


MANIFEST = Manifest(
    name="smtp",
    title="SMTP",
    live_address="",
    credential_fields=("address",),
    capabilities=(Capability(port=EmailTransport, build=build_transport),),
    simulator=simulate,
)

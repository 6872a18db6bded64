"""SMTP as a provider: any mail server that takes submissions."""

from nexusone.modules.identity.ports import SystemMailer
from nexusone.modules.marketing.ports import EmailTransport
from nexusone.platform.provider import Capability, Manifest, ProviderSetup
from nexusone.providers.smtp.address import parse_address
from nexusone.providers.smtp.simulator import simulate
from nexusone.providers.smtp.system_mail import SmtpSystemMailer
from nexusone.providers.smtp.transport import SmtpTransport

DEFAULT_SENDER = "no-reply@nexusone.example"


def build_transport(setup: ProviderSetup) -> EmailTransport:
    """The transport to the credentials' address, or to the setup's in the sandbox; raises AddressMalformed.

    An address out of the vault is a customer's word and may not point into private networks; the setup's is the operator's.
    """
    own = "" if setup.is_sandbox else setup.credentials.get("address", "")
    return SmtpTransport(parse_address(own or setup.address, is_public_only=bool(own)))


def build_system_mailer(setup: ProviderSetup) -> SystemMailer:
    """The carrier of the product's own mails; `sender` among the credentials is the address they come from."""
    return SmtpSystemMailer(build_transport(setup), sender=setup.credentials.get("sender") or DEFAULT_SENDER)


MANIFEST = Manifest(
    name="smtp",
    title="SMTP",
    live_address="",
    credential_fields=("address",),
    optional_fields=("sender",),
    capabilities=(
        Capability(port=EmailTransport, build=build_transport),
        Capability(port=SystemMailer, build=build_system_mailer),
    ),
    simulator=simulate,
)

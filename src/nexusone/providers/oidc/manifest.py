"""OpenID Connect as data. Issuers are the workspaces' own, so there is neither an address nor a credential here."""

from nexusone.modules.identity.ports import DomainProofs
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.oidc.domain_proofs import build_domain_proofs
from nexusone.providers.oidc.simulator import simulate

MANIFEST = Manifest(
    name="oidc",
    title="OpenID Connect",
    live_address="",
    credential_fields=(),
    capabilities=(Capability(port=DomainProofs, build=build_domain_proofs),),
    simulator=simulate,
)

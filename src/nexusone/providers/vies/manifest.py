"""VIES as data: open to everybody, no credential."""

from nexusone.modules.billing.ports import VatIdChecker
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.vies.checking import build_checker
from nexusone.providers.vies.simulator import simulate

MANIFEST = Manifest(
    name="vies",
    title="VIES",
    live_address="https://ec.europa.eu/taxation_customs/vies/rest-api",
    credential_fields=(),
    capabilities=(Capability(port=VatIdChecker, build=build_checker),),
    simulator=simulate,
)

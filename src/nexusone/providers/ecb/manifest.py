"""The bank's data portal as data: open to everybody, no credential."""

from nexusone.modules.billing.ports import ExchangeRates
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.ecb.rates import build_rates
from nexusone.providers.ecb.simulator import simulate

MANIFEST = Manifest(
    name="ecb",
    title="European Central Bank",
    live_address="https://data-api.ecb.europa.eu",
    credential_fields=(),
    capabilities=(Capability(port=ExchangeRates, build=build_rates),),
    simulator=simulate,
)

"""Stripe as data."""

from nexusone.modules.billing.ports import PaymentGateway, PaymentGateways
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.stripe.payments import build_gateway
from nexusone.providers.stripe.simulator import simulate

MANIFEST = Manifest(
    name="stripe",
    title="Stripe",
    live_address="https://api.stripe.com",
    credential_fields=("api_key", "webhook_secret"),
    capabilities=(Capability(port=PaymentGateway, build=build_gateway, among=PaymentGateways),),
    simulator=simulate,
    sandbox_credentials={"api_key": "sk_test_sandbox", "webhook_secret": "whsec_sandbox"},
)

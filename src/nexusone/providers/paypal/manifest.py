"""PayPal as data."""

from nexusone.modules.billing.ports import PaymentGateway, PaymentGateways
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.paypal.payments import build_gateway
from nexusone.providers.paypal.simulator import simulate

MANIFEST = Manifest(
    name="paypal",
    title="PayPal",
    live_address="https://api-m.paypal.com",
    credential_fields=("client_id", "client_secret", "webhook_id"),
    capabilities=(Capability(port=PaymentGateway, build=build_gateway, among=PaymentGateways),),
    simulator=simulate,
    sandbox_credentials={"client_id": "sandbox", "client_secret": "sandbox", "webhook_id": "SANDBOXWEBHOOK"},
)

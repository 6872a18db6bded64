"""Replicate as data."""

from nexusone.modules.ai.ports.media import ImageModel, ImageModels
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.replicate.images import build_images
from nexusone.providers.replicate.simulator import simulate

MANIFEST = Manifest(
    name="replicate",
    title="Replicate",
    live_address="https://api.replicate.com/v1",
    credential_fields=("api_token",),
    optional_fields=("webhook_secret",),
    capabilities=(Capability(port=ImageModel, build=build_images, among=ImageModels),),
    simulator=simulate,
    simulator_path="/v1",
    sandbox_credentials={"api_token": "r8_sandbox"},
)

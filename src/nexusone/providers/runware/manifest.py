"""Runware as data."""

from nexusone.modules.ai.ports.media import ImageModel, ImageModels
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.runware.images import build_images
from nexusone.providers.runware.simulator import simulate

MANIFEST = Manifest(
    name="runware",
    title="Runware",
    live_address="https://api.runware.ai",
    credential_fields=("api_key",),
    capabilities=(Capability(port=ImageModel, build=build_images, among=ImageModels),),
    simulator=simulate,
    sandbox_credentials={"api_key": "sandbox"},
)

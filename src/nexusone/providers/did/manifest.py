"""D-ID as data."""

from nexusone.modules.ai.ports.media import VideoModel, VideoModels
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.did.simulator import simulate
from nexusone.providers.did.talks import build_videos

MANIFEST = Manifest(
    name="did",
    title="D-ID",
    live_address="https://api.d-id.com",
    credential_fields=("api_key",),
    # With a key of its own at ElevenLabs, an account's own voices there can be used.
    optional_fields=("elevenlabs_api_key",),
    capabilities=(Capability(port=VideoModel, build=build_videos, among=VideoModels),),
    simulator=simulate,
    sandbox_credentials={"api_key": "sandbox@example.com:sandbox"},
)

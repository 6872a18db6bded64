"""ElevenLabs as data."""

from nexusone.modules.ai.ports.media import VoiceModel, VoiceModels
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.elevenlabs.simulator import simulate
from nexusone.providers.elevenlabs.voice import build_voices

MANIFEST = Manifest(
    name="elevenlabs",
    title="ElevenLabs",
    live_address="https://api.elevenlabs.io",
    credential_fields=("api_key",),
    capabilities=(Capability(port=VoiceModel, build=build_voices, among=VoiceModels),),
    simulator=simulate,
    sandbox_credentials={"api_key": "sk_sandbox"},
)

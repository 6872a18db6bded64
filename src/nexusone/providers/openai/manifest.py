"""OpenAI as data."""

from nexusone.modules.ai.ports.text import TextModel
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.openai.simulator import simulate
from nexusone.providers.openai.text import build_text_model

MANIFEST = Manifest(
    name="openai",
    title="OpenAI",
    live_address="https://api.openai.com/v1",
    credential_fields=("api_key",),
    capabilities=(Capability(port=TextModel, build=build_text_model),),
    simulator=simulate,
    simulator_path="/v1",
    sandbox_credentials={"api_key": "sk-sandbox"},
)

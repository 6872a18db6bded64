"""OpenAI as data."""

from nexusone.modules.ai.ports.judging import Embedder, Moderator
from nexusone.modules.ai.ports.media import ImageModel, ImageModels
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.ports.text import TextModel, TextModels
from nexusone.platform.provider import Capability, Manifest
from nexusone.providers.openai.embeddings import build_embedder
from nexusone.providers.openai.images import build_images
from nexusone.providers.openai.moderation import build_moderator
from nexusone.providers.openai.passage import build_passage
from nexusone.providers.openai.simulator import simulate
from nexusone.providers.openai.text import build_text_model

MANIFEST = Manifest(
    name="openai",
    title="OpenAI",
    live_address="https://api.openai.com/v1",
    credential_fields=("api_key",),
    optional_fields=("organization", "project", "api_version"),
    takes_address=True,
    capabilities=(
        Capability(port=TextModel, build=build_text_model, among=TextModels),
        Capability(port=ImageModel, build=build_images, among=ImageModels),
        Capability(port=Moderator, build=build_moderator),
        Capability(port=Embedder, build=build_embedder),
        Capability(port=WirePassage, build=build_passage),
    ),
    simulator=simulate,
    simulator_path="/v1",
    sandbox_credentials={"api_key": "sk-sandbox"},
)

"""Models of every kind that belong to the tests: whatever is asked for is there at once."""

from dataclasses import dataclass

from tests.modules.ai.knowledge.library import ScriptedEmbedder
from tests.modules.ai.pipelines.studio import PRESENTER, SPEAKER, Speaker
from tests.modules.ai.scripted import scripted
from tests.modules.ai.scripted_kit import ScriptedKit
from tests.modules.ai.scripted_media import ScriptedPainter
from tests.modules.ai.scripted_passage import ScriptedPassage

from nexusone.modules.ai.ports.judging import Embedder
from nexusone.modules.ai.ports.media import ImageModels, VideoModels, Voice, VoiceModels
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.ports.text import TextModels
from nexusone.modules.ai.ports.vendors import VendorKit


@dataclass
class Reader(Speaker):
    """Reads aloud in one voice."""

    async def voices(self) -> tuple[Voice, ...]:
        return (Voice("ada", "Ada", languages=("en",)),)


def models() -> dict[type[object], object]:
    """The ports of all that makes something."""
    return {
        TextModels: TextModels({"scripted": scripted()}),
        ImageModels: ImageModels({"scripted": ScriptedPainter()}),
        VoiceModels: VoiceModels({"voices": Reader(cards=(SPEAKER,))}),
        VideoModels: VideoModels({"films": Reader(cards=(PRESENTER,))}),
        Embedder: ScriptedEmbedder(),
        WirePassage: ScriptedPassage(),
        VendorKit: ScriptedKit(),
    }

"""A passage that answers every request the same, and counts."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.modules.ai.scripted import CARD

from nexusone.modules.ai.ports.media import MediaFile
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.ports.passage import WireAnswer, WireEnd, WirePiece, WireRequest

PAINTER = ModelCard(
    name="painter-1",
    vendor="scripted",
    kind="image",
    prices=(Price("image", 10_000, when={"size": "1024x1024", "quality": "medium"}),),
    sizes=("1024x1024",),
    images_max=4,
)
PLACER = ModelCard(name="placer-1", vendor="scripted", kind="embedding", prices=(Price("input_token", 20_000, 1_000_000),))


# One grey point.
DRAWN = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


@dataclass(eq=False)
class ScriptedPassage:
    """Says `body`; ten tokens in, five out, one picture."""

    body: bytes = b'{"said": "so"}'
    drawn: bytes = DRAWN
    requests: list[WireRequest] = field(default_factory=list)

    def catalog(self) -> tuple[ModelCard, ...]:
        return CARD, PAINTER, PLACER

    async def send(self, request: WireRequest) -> WireAnswer:
        self.requests.append(request)
        if request.operation == "images":
            packed = base64.b64encode(self.drawn).decode()
            body = json.dumps({"data": [{"b64_json": packed}]}).encode()
            return WireAnswer(body=body, text="", images=(MediaFile(self.drawn, "image/png"),), end=self._end(request))
        return WireAnswer(body=self.body, text="so", images=(), end=self._end(request))

    async def stream(self, request: WireRequest) -> AsyncIterator[WirePiece]:
        self.requests.append(request)
        yield WirePiece(b"data: so\n\n", "so")
        yield WirePiece(b"data: [DONE]\n\n", end=self._end(request))

    async def close(self) -> None:
        return

    def _end(self, request: WireRequest) -> WireEnd:
        return WireEnd({"input_token": 10, "output_token": 5, "image": 1}, str(request.body["model"]), "ref", "stop")

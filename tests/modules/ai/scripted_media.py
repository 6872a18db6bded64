"""A vendor of pictures that does what a test tells it to."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.modules.ai.scripted import NOW, SETTINGS, Workshop, scripted

from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.generations import NewImage
from nexusone.modules.ai.ports.media import (
    Begun,
    Failed,
    Finished,
    ImageModels,
    ImageRequest,
    MadeFile,
    MediaState,
    WebhookRefused,
)
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.ports.text import TextModels
from nexusone.modules.ai.service.breaking import Breakers
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.runtime import Runtime
from nexusone.web.simulation.files import picture

PAINTER = ModelCard(
    name="painter-1",
    vendor="scripted",
    kind="image",
    prices=(Price("image", 10_000),),
    images_max=4,
    is_default=True,
)
GRANTED_MICROS = 1_000_000_000
# Ten thousand micro-dollars a picture, a hundred credits a dollar, twenty percent on top.
PICTURE_MICROS = 1_200_000
ASKED = NewImage(prompt="A lamp.", width=64, height=64)
SLOW = DefiniteFailure(code="vendor.rate_limited", detail="slow down", is_retryable=True, retry_after_seconds=0.0)
REFUSED = DefiniteFailure(code="vendor.refused_content", detail="not that", is_retryable=False)
LOST = UnknownOutcome(detail="the line went dead")

Step = MediaState | Exception | None


@dataclass
class ScriptedPainter:
    """Begins as `begins` says and is found as `looks` and `finds` say, the last of each for ever."""

    begins: list[Step] = field(default_factory=list)
    looks: list[Step] = field(default_factory=list)
    finds: list[Step] = field(default_factory=list)
    cards: tuple[ModelCard, ...] = (PAINTER,)
    requests: list[ImageRequest] = field(default_factory=list)
    correlations: list[str] = field(default_factory=list)
    webhooks: list[str | None] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    downloads: list[Exception] = field(default_factory=list)
    is_signing: bool = False

    def catalog(self) -> tuple[ModelCard, ...]:
        return self.cards

    async def begin(self, request: ImageRequest, *, correlation: str, webhook: str | None) -> MediaState:
        self.requests.append(request)
        self.correlations.append(correlation)
        self.webhooks.append(webhook)
        return _told(_next(self.begins) or finished(request.count))

    async def look_up(self, reference: str) -> MediaState:
        return _told(_next(self.looks) or finished())

    async def find(self, correlation: str, *, since: datetime) -> MediaState | None:
        step = _next(self.finds)
        return None if step is None else _told(step)

    async def cancel(self, reference: str) -> None:
        self.canceled.append(reference)

    async def download(self, made: MadeFile, *, bytes_max: int) -> AsyncIterator[bytes]:
        if self.downloads:
            raise self.downloads.pop(0)
        yield made.content or b""

    def verify_webhook(self, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        if self.is_signing and headers.get("x-signature") != "good":
            raise WebhookRefused("no good signature")

    async def close(self) -> None:
        return


def finished(count: int = 1, *, content: bytes | None = None) -> Finished:
    """Pictures that are made."""
    made = content or picture("A lamp.", width=64, height=64)
    return Finished(reference="ref", files=tuple(MadeFile("image/png", content=made) for _ in range(count)), quantities={"image": count})


def begun(progress: int | None = None) -> Begun:
    """The vendor works on it."""
    return Begun(reference="ref", look_again_seconds=0.05, progress=progress)


def failed(code: str = "vendor.failed", *, is_canceled: bool = False) -> Failed:
    """It will not be made."""
    return Failed(reference="ref", code=code, detail="no lamp", is_canceled=is_canceled)


async def open_studio(runtime: Runtime, *painters: ScriptedPainter, settings: AiSettings = SETTINGS) -> Workshop:
    """A workshop in a fresh workspace where the painters draw."""
    by_name = {painter.cards[0].vendor: painter for painter in painters}
    clock = MovedClock(NOW)
    model = scripted()
    ports: dict[type[object], object] = {**runtime.ports, TextModels: TextModels({"scripted": model}), ImageModels: ImageModels(by_name)}
    ports[Breakers] = Breakers()
    runtime = replace(runtime, clock=clock, ports=ports, settings={**runtime.settings, AiSettings: settings})
    workshop = Workshop(runtime=runtime, clock=clock, workspace_id=new_id(), model=model)
    await grant_alone(workshop.ctx, key="test", amount_micros=GRANTED_MICROS, source="sign_up")
    return workshop


def _next(steps: list[Step]) -> Step:
    if not steps:
        return None
    return steps.pop(0) if len(steps) > 1 else steps[0]


def _told(step: MediaState | Exception) -> MediaState:
    if isinstance(step, Exception):
        raise step
    return step

"""A house with models of every kind that do what they are told, and pipelines to run in it."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from tests.modules.ai.scripted import CARD, SETTINGS, said
from tests.modules.ai.scripted_media import PAINTER, ScriptedPainter

from nexusone.apps.compose import Composition
from nexusone.kernel.clock import MovedClock
from nexusone.kernel.ids import new_id
from nexusone.kernel.money import credits_from_text
from nexusone.modules.ai.contracts.pipeline_runs import NewPipelineRun, PipelineRunDetail, StepRun
from nexusone.modules.ai.contracts.pipelines import BudgetMode, NewPipeline, PipelinePublishing
from nexusone.modules.ai.ports.judging import Judgement, Moderator
from nexusone.modules.ai.ports.media import (
    Finished,
    ImageModels,
    MadeFile,
    MediaFile,
    MediaState,
    VideoModels,
    VideoRequest,
    VoiceModels,
    VoiceRequest,
)
from nexusone.modules.ai.ports.models import ModelCard, Price
from nexusone.modules.ai.ports.text import TextDelta, TextModels, TextRequest, TextResult
from nexusone.modules.ai.service import attending, pipeline_advancing, pipeline_runs, pipelines
from nexusone.modules.ai.service.breaking import Breakers
from nexusone.modules.ai.settings import AiSettings
from nexusone.modules.billing import api as billing
from nexusone.modules.billing.service import verification
from nexusone.modules.billing.service.grants import grant_alone
from nexusone.platform.database import Database
from nexusone.platform.events import list_events_after
from nexusone.platform.origin import Principal
from nexusone.platform.runtime import Context
from nexusone.web.simulation.files import film, picture, speech

GRANTED_MICROS = 10_000_000_000
SPEAKER = ModelCard(name="speaker-1", vendor="voices", kind="voice", prices=(Price("character", 10),), voices=("ada",), is_default=True)
PRESENTER = ModelCard(name="presenter-1", vendor="films", kind="video", prices=(Price("second", 1_000),), is_default=True)


@dataclass
class Writer:
    """Writes whatever fits the schema, and fails `owner` where it is told to: jobs of other workspaces may run along."""

    requests: list[TextRequest] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    owner: str = ""

    def catalog(self) -> tuple[ModelCard, ...]:
        return (CARD,)

    async def write(self, request: TextRequest) -> TextResult:
        self.requests.append(request)
        if self.failures and request.end_user == self.owner:
            raise self.failures.pop(0)
        if request.output_schema is None:
            return said("A lamp on a balcony.")
        return said(json.dumps({name: _value(name, kind) for name, kind in _properties(request.output_schema).items()}))

    async def stream(self, request: TextRequest) -> AsyncIterator[TextDelta]:
        yield TextDelta(text="", result=await self.write(request))

    async def close(self) -> None:
        return


def _properties(schema: Mapping[str, object]) -> Mapping[str, Any]:
    found = schema["properties"]
    return found if isinstance(found, dict) else {}


def _value(name: str, kind: Mapping[str, object]) -> object:
    return 1 if kind["type"] == "integer" else f"The {name} {{{{ secret }}}} <b>"


@dataclass
class Speaker(ScriptedPainter):
    """Says it."""

    async def begin(self, request: Any, *, correlation: str, webhook: str | None) -> MediaState:
        self.requests.append(request)
        if isinstance(request, VoiceRequest):
            made = MadeFile("audio/wav", content=speech(request.text[:40], media_type="audio/wav"))
            return Finished(reference="ref", files=(made,), quantities={"character": len(request.text)})
        assert isinstance(request, VideoRequest)
        made = MadeFile("video/mp4", content=film("Ada", seconds=1.0, width=128, height=128, portrait=request.portrait.content))
        return Finished(reference="ref", files=(made,), quantities={"second": 2})

    async def voices(self) -> tuple[Any, ...]:
        return ()


@dataclass
class Judge:
    """Objects to what it is told to."""

    flagged: str = "weapon"

    def catalog(self) -> tuple[ModelCard, ...]:
        return ()

    async def judge(self, *, texts: Sequence[str], images: Sequence[MediaFile] = ()) -> tuple[Judgement, ...]:
        found = [self.flagged in text for text in texts] + [False for _ in images]
        return tuple(Judgement(is_flagged=is_bad, categories=("violence",) if is_bad else (), scores={}) for is_bad in found)

    async def close(self) -> None:
        return


@dataclass
class Studio:
    """One workspace, its models, its clock."""

    composition: Composition
    clock: MovedClock
    workspace_id: UUID
    writer: Writer
    painter: ScriptedPainter

    @property
    def ctx(self) -> Context:
        principal = Principal(kind="user", id=UUID(int=7), permissions=frozenset({"*"}))
        return Context(runtime=self.composition.runtime, workspace_id=self.workspace_id, principal=principal, request_id="test")

    @property
    def texts(self) -> list[str]:
        """What the writer was asked for here: jobs of other workspaces may run along."""
        return [request.prompt for request in self.writer.requests if request.end_user == self.end_user]

    @property
    def pictures(self) -> int:
        """How often the painter was asked here."""
        return sum(request.end_user == self.end_user for request in self.painter.requests)

    @property
    def end_user(self) -> str:
        """What models know this workspace's asker by."""
        return sha256(f"{self.workspace_id}:{self.ctx.principal.label}".encode()).hexdigest()

    def on(self, database: Database) -> "Studio":
        """The same over another database object."""
        return replace(self, composition=replace(self.composition, runtime=replace(self.composition.runtime, database=database)))

    async def pipeline(self, definition: Mapping[str, Any] | None = None, *, example: str | None = None) -> UUID:
        """A published pipeline."""
        wanted = {"example": example} if example else {"name": "Test", "definition": definition}
        made = await pipelines.create_pipeline(self.ctx, wanted=NewPipeline.model_validate_json(json.dumps(wanted)))
        await pipelines.publish_pipeline(self.ctx, pipeline_id=made.id, wanted=PipelinePublishing())
        return made.id

    async def start(self, pipeline_id: UUID, inputs: Mapping[str, Any] | None = None, *, budget: BudgetMode = "whole") -> PipelineRunDetail:
        return await pipeline_runs.start_run(
            self.ctx, pipeline_id=pipeline_id, wanted=NewPipelineRun(inputs=dict(inputs or {}), budget=budget)
        )

    async def run(
        self, definition: Mapping[str, Any], inputs: Mapping[str, Any] | None = None, *, budget: BudgetMode = "whole"
    ) -> PipelineRunDetail:
        """A run as far as it goes by itself."""
        started = await self.start(await self.pipeline(definition), inputs, budget=budget)
        await self.work()
        return await self.get(started)

    async def work(self) -> None:
        """Does all that is due."""
        await self.composition.worker(only=["ai"]).drain()

    async def pass_time(self, by: timedelta) -> None:
        """Moves the clock, and lets the schedules and jobs do what is due then."""
        self.clock.move(by)
        await attending.attend_due(self.composition.runtime.system())
        await pipeline_advancing.attend_due_runs(self.composition.runtime.system())
        await self.work()

    async def get(self, run: PipelineRunDetail) -> PipelineRunDetail:
        return await pipeline_runs.get_run(self.ctx, run_id=run.id)

    async def events(self) -> list[str]:
        """The names of the events of pipelines so far."""
        found = await list_events_after(self.ctx, after=UUID(int=0), limit=1000)
        return [event.name.removeprefix("ai.pipeline.").removesuffix(".v1") for event in found if event.name.startswith("ai.pipeline.")]

    async def assert_books(self, run: PipelineRunDetail) -> None:
        """Nothing is held, and what is spent is what the run says."""
        balance = await billing.get_balance(self.ctx)
        assert (balance.held_micros, balance.spent_micros) == (0, credits_from_text(run.credits))
        assert balance.spent_micros <= credits_from_text(run.budget_credits)
        assert await verification.verify(self.ctx) == []


def step(run: PipelineRunDetail, name: str, item: int | None = None) -> StepRun:
    """One step of a run."""
    return next(found for found in run.steps if (found.step, found.item) == (name, item))


def states(run: PipelineRunDetail) -> dict[str, str]:
    """The state of each step altogether."""
    return {found.step: found.state for found in run.steps if found.item is None}


async def open_pipelines(composition: Composition, *, granted_micros: int = GRANTED_MICROS) -> Studio:
    """A house in a fresh workspace."""
    clock = MovedClock(datetime.now(UTC))
    writer, painter = Writer(), ScriptedPainter(cards=(PAINTER,))
    ports: dict[type[object], object] = {
        **composition.runtime.ports,
        TextModels: TextModels({"scripted": writer}),
        Breakers: Breakers(),
        ImageModels: ImageModels({"scripted": painter}),
        VoiceModels: VoiceModels({"voices": Speaker(cards=(SPEAKER,))}),
        VideoModels: VideoModels({"films": Speaker(cards=(PRESENTER,))}),
        Moderator: Judge(),
    }
    runtime = replace(composition.runtime, clock=clock, ports=ports, settings={**composition.runtime.settings, AiSettings: SETTINGS})
    studio = Studio(replace(composition, runtime=runtime), clock, new_id(), writer, painter)
    writer.owner = studio.end_user
    if granted_micros:
        await grant_alone(studio.ctx, key="test", amount_micros=granted_micros, source="sign_up")
    return studio


def portrait() -> bytes:
    """A picture of a presenter."""
    return picture("Ada", width=128, height=128)

"""The words of pipelines: their versions, examples, and what a run would cost."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue

from nexusone.kernel.contract import Contract, Id, Instant, Key, Name, NeverNull
from nexusone.kernel.money import CreditsText
from nexusone.modules.ai.contracts.pipeline_steps import PipelineDefinition

DEFINITION: JsonValue = {
    "inputs": {"brief": {"kind": "text"}, "locales": {"kind": "locales"}},
    "steps": [
        {"id": "copy", "kind": "generate", "for_each": "inputs.locales", "locale": "{{ each }}", "prompt": "Announce: {{ inputs.brief }}"},
        {"id": "sign_off", "kind": "approval", "title": "The copy", "show": {"copy": "{{ steps.copy.by }}"}},
    ],
}


class NewPipeline(Contract):
    """A pipeline by its definition, or by the name of an example (GET /v1/pipeline-examples)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Announcement", "definition": DEFINITION}, {"example": "product-launch-kit"}]}
    )

    name: Name | None = None
    definition: PipelineDefinition | None = None
    example: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")] | None = None


class PipelineChange(Contract):
    """The fields to change, by a new version."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Announcement in five languages"}]})

    name: Annotated[Name | None, NeverNull()] = None
    definition: Annotated[PipelineDefinition | None, NeverNull()] = None


class PipelinePublishing(Contract):
    """Which version runs; by default the newest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": 1}]})

    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class PipelineSummary(Contract):
    """A pipeline without its definition."""

    id: Id
    name: str
    version: int
    published_version: int | None
    created_at: Instant
    updated_at: Instant


class Pipeline(Contract):
    """A pipeline; every change makes a new `version`, and runs are of the `published_version`."""

    id: Id
    name: str
    version: int
    published_version: int | None
    definition: PipelineDefinition
    created_at: Instant
    updated_at: Instant


class PipelineVersion(Contract):
    """A pipeline as it was in one version; versions are written once."""

    version: int
    name: str
    definition: PipelineDefinition
    is_published: bool
    created_at: Instant
    created_by: str


class PipelineExample(Contract):
    """A pipeline that comes with the product."""

    name: str
    title: str
    description: str
    definition: PipelineDefinition


InputValues = Annotated[dict[Key, JsonValue], Field(max_length=50, default_factory=dict)]


class NewPipelineEstimate(Contract):
    """What a run would be given; by default of the published version, or the newest where none is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": {"brief": "A solar lamp.", "locales": ["en", "de"]}}]})

    inputs: InputValues
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class StepEstimate(Contract):
    """The most that a step can cost: for `items` things, at all its attempts."""

    step: str
    items: int
    credits_max: CreditsText


class PipelineEstimate(Contract):
    """The most that a run can cost, by step."""

    version: int
    credits_max: CreditsText
    steps: tuple[StepEstimate, ...]


BudgetMode = Literal["whole", "per_step"]

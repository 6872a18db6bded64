"""What a run can cost at the most, known before it starts."""

from collections.abc import Mapping
from uuid import UUID

from nexusone.kernel.errors import FieldError
from nexusone.kernel.liquid.faults import RenderFault
from nexusone.kernel.liquid.program import Program
from nexusone.kernel.money import credits_to_text
from nexusone.modules.ai.contracts.generations import NewText, NewVideo
from nexusone.modules.ai.contracts.pipeline_steps import PipelineDefinition, Step, VideoStep
from nexusone.modules.ai.contracts.pipelines import NewPipelineEstimate, PipelineEstimate, StepEstimate
from nexusone.modules.ai.domain.lifecycle import purpose_of
from nexusone.modules.ai.domain.pipeline_inputs import bound_inputs, input_faults
from nexusone.modules.ai.domain.pipeline_rules import list_source
from nexusone.modules.ai.domain.pipeline_values import listed, values_of
from nexusone.modules.ai.domain.pipeline_wishes import FILLER, is_paid, longest_wish
from nexusone.modules.ai.domain.planning import media_bound
from nexusone.modules.ai.service.models import get_model, tariff_of
from nexusone.modules.ai.service.pipelines import definition_of, get_row, get_version_row
from nexusone.modules.ai.service.refusals_pipelines import PipelineInputsInvalid
from nexusone.modules.ai.service.reserving import PASSAGE_CHARACTERS_MAX, PASSAGES_MAX, most_micros
from nexusone.modules.billing import api as billing
from nexusone.platform.runtime import Context

VIDEO_SPARE_SECONDS = 10
PROBE_BYTES = 10_000
# Four bytes a character at the most, and a title beside each passage.
PASSAGES_BYTES_MAX = PASSAGES_MAX * (PASSAGE_CHARACTERS_MAX + 500) * 4


async def estimate(ctx: Context, *, pipeline_id: UUID, wanted: NewPipelineEstimate) -> PipelineEstimate:
    """The most that a run with these inputs can cost.

    Raises:
        PipelineNotFound, PipelineInputsInvalid: there is nothing to estimate.
        ModelUnknown, ModelCannot, NoTextModel, OutputSchemaInvalid, BrandVoiceNotFound, CollectionNotFound, PurposeStopped: as `submit`.
    """
    row = await get_row(ctx, pipeline_id)
    version = wanted.version or row.published_version or row.version
    definition = definition_of((await get_version_row(ctx, pipeline_id, version)).definition)
    inputs = checked_inputs(definition, wanted.inputs)
    bounds = await step_bounds(ctx, definition, inputs)
    steps = tuple(
        StepEstimate(step=step.id, items=items_most(step, inputs), credits_max=credits_to_text(bounds[step.id]))
        for step in definition.steps
        if is_paid(step)
    )
    return PipelineEstimate(version=version, credits_max=credits_to_text(sum(bounds.values())), steps=steps)


def checked_inputs(definition: PipelineDefinition, values: Mapping[str, object]) -> dict[str, object]:
    """A value for every input. Raises: PipelineInputsInvalid."""
    errors = tuple(FieldError(pointer=pointer, code=code, detail=detail) for pointer, code, detail in input_faults(definition, values))
    if errors:
        raise PipelineInputsInvalid(errors=errors[:50], count=len(errors))
    return bound_inputs(definition, values)


async def step_bounds(ctx: Context, definition: PipelineDefinition, inputs: Mapping[str, object]) -> dict[str, int]:
    """The most micro-credits of each step: for all its items, at all its attempts."""
    bounds = {}
    for step in definition.steps:
        one = await most_of_one(ctx, step) if is_paid(step) else 0
        bounds[step.id] = one * items_most(step, inputs) * step.attempts
    return bounds


async def most_of_one(ctx: Context, step: Step) -> int:
    """The most that one item costs at one attempt."""
    wish = longest_wish(step)
    if isinstance(step, VideoStep) and isinstance(wish, NewVideo):
        # The sound that a film is made of may not be there yet, so its length is bounded by the step.
        await billing.check_margin(ctx, purpose=purpose_of("video"))
        card = get_model(ctx, kind="video", name=step.model)
        return tariff_of(ctx, card).micros(media_bound(card, wish, audio_seconds=step.seconds_max + VIDEO_SPARE_SECONDS))
    if isinstance(wish, NewText) and wish.knowledge:
        return await _with_passages(ctx, wish.model_copy(update={"knowledge": ()}))
    _, micros = await most_micros(ctx, wish)
    return micros


async def _with_passages(ctx: Context, wish: NewText) -> int:
    """Passages are found when it runs; what each byte more costs is told by two prompts of different length."""
    _, short = await most_micros(ctx, wish.model_copy(update={"prompt": FILLER}))
    _, long = await most_micros(ctx, wish.model_copy(update={"prompt": FILLER * PROBE_BYTES}))
    _, alone = await most_micros(ctx, wish)
    return alone - (-(long - short) * PASSAGES_BYTES_MAX // (PROBE_BYTES - 1)) + 1


def items_most(step: Step, inputs: Mapping[str, object]) -> int:
    """For how many things a step is done: known where its list is an input, else as many as it allows."""
    if step.for_each is None:
        return 1
    paths = Program(list_source(step.for_each), is_html=False).paths()
    if any(path[0] != "inputs" for path in paths):
        return step.items_max
    try:
        found = listed(step.for_each, values_of(inputs, (), feedback=""))
    except RenderFault:
        return step.items_max
    return step.items_max if found is None else min(len(found), step.items_max)

"""Pipelines: whether a definition can be run, what its steps wait for, and what follows what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nexusone.kernel.liquid.faults import TemplateRejected
from nexusone.kernel.liquid.program import Program
from nexusone.modules.ai.contracts.pipeline_steps import (
    GenerateStep,
    HttpStep,
    ModerateStep,
    PipelineDefinition,
    PublishStep,
    Step,
    TranslateStep,
    VideoStep,
)
from nexusone.modules.ai.domain.output_schema import schema_faults
from nexusone.modules.ai.domain.pipeline_inputs import input_fault
from nexusone.modules.ai.domain.pipeline_secrets import ROOT as SECRETS
from nexusone.modules.ai.domain.pipeline_secrets import header_faults, secret_faults

ROOTS = frozenset({"inputs", "steps", "each", "feedback"})
# What is Liquid by its place; all other texts of a step are as they stand.
TEMPLATES = frozenset({"prompt", "locale", "text", "into", "portrait", "audio", "assets", "among", "criteria", "url", "title"})
TEMPLATE_TREES = frozenset({"headers", "body", "show", "content"})


@dataclass(frozen=True, slots=True)
class PipelineFault:
    """What is wrong where; `detail` names the step."""

    pointer: str
    code: str
    detail: str


def definition_faults(definition: PipelineDefinition) -> tuple[PipelineFault, ...]:
    """Everything wrong with a definition; nothing, where it can be run."""
    return (*_input_faults(definition), *_step_faults(definition))


def dependencies(step: Step) -> tuple[str, ...]:
    """The steps that must have ended before it."""
    found = dict.fromkeys(step.needs)
    for _, source in sources_of(step):
        found |= dict.fromkeys(path[1] for path in Program(source, is_html=False).paths() if path[0] == "steps" and len(path) > 1)
    return tuple(found)


def successors(definition: PipelineDefinition, roots: Sequence[str]) -> tuple[str, ...]:
    """The steps that wait for one of these, directly or not, in order; the roots are not among them unless one waits for another."""
    reached, found = set(roots), []
    for step in definition.steps:
        if reached & set(dependencies(step)):
            reached.add(step.id)
            found.append(step.id)
    return tuple(found)


def sources_of(step: Step) -> Iterator[tuple[str, str]]:
    """All Liquid of a step, with a pointer from the step on."""
    if step.when is not None:
        yield "/when", when_source(step.when)
    if step.for_each is not None:
        yield "/for_each", list_source(step.for_each)
    for name in sorted(type(step).model_fields.keys() & (TEMPLATES | TEMPLATE_TREES)):
        yield from _texts(f"/{name}", getattr(step, name))


def when_source(condition: str) -> str:
    """The template that says "1" where the condition holds."""
    return "{% if " + condition + " %}1{% endif %}"


def list_source(expression: str) -> str:
    """The template that stands for the list."""
    return "{{ " + expression + " }}"


def _texts(pointer: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield pointer, value
        case Mapping():
            for name, inner in value.items():
                yield from _texts(f"{pointer}/{name}", inner)
        case list() | tuple():
            for number, inner in enumerate(value):
                yield from _texts(f"{pointer}/{number}", inner)


def _input_faults(definition: PipelineDefinition) -> Iterator[PipelineFault]:
    for name, wanted in definition.inputs.items():
        if wanted.default is not None and (reason := input_fault(wanted, wanted.default)):
            yield PipelineFault(f"/definition/inputs/{name}/default", "pipeline.default_invalid", f"input {name}: {reason}")


def _step_faults(definition: PipelineDefinition) -> Iterator[PipelineFault]:
    known: set[str] = set()
    for number, step in enumerate(definition.steps):
        for pointer, code, detail in _faults_of(definition, step, known):
            yield PipelineFault(f"/definition/steps/{number}{pointer}", code, f"step {step.id}: {detail}")
        known.add(step.id)


def _faults_of(definition: PipelineDefinition, step: Step, known: set[str]) -> Iterator[tuple[str, str, str]]:
    if step.id in known:
        yield "/id", "pipeline.step_repeated", "another step has this id"
    for name in step.needs:
        if name not in known:
            yield "/needs", "pipeline.step_unknown", f"no step before it is called {name}"
    if (step.when is not None and _breaks_out(step.when)) or (step.for_each is not None and _breaks_out(step.for_each)):
        yield "", "pipeline.expression_invalid", "a condition or list is one expression, without braces or tags"
        return
    for pointer, source in sources_of(step):
        yield from _source_faults(definition, step, known, pointer, source)
    yield from _kind_faults(step)


def _source_faults(
    definition: PipelineDefinition, step: Step, known: set[str], pointer: str, source: str
) -> Iterator[tuple[str, str, str]]:
    try:
        paths = Program(source, is_html=False).paths()
    except TemplateRejected as rejection:
        for fault in rejection.faults:
            yield pointer, fault.code, fault.detail
        return
    for code, detail in secret_faults(source, paths, is_header=isinstance(step, HttpStep) and pointer.startswith("/headers/")):
        yield pointer, code, detail
    for path in sorted(paths):
        match path:
            case ("steps", name, *_) if name not in known:
                yield pointer, "pipeline.step_unknown", f"no step before it is called {name}"
            case ("steps",):
                yield pointer, "pipeline.reference_open", "steps are named outright, as in steps.copy.output"
            case ("inputs", name, *_) if name not in definition.inputs:
                yield pointer, "pipeline.input_unknown", f"there is no input {name}"
            case ("each", *_) if step.for_each is None or pointer == "/for_each":
                yield pointer, "pipeline.each_unknown", "only a step with for_each has an each"
            case (root, *_) if root not in ROOTS and root != SECRETS:
                yield pointer, "pipeline.name_unknown", f"{root} is none of {', '.join(sorted(ROOTS))}"


def _kind_faults(step: Step) -> Iterator[tuple[str, str, str]]:
    match step:
        case GenerateStep() | TranslateStep() if step.output_schema is not None:
            for fault in schema_faults(step.output_schema):
                yield fault.pointer, fault.code, fault.detail
        case VideoStep() if (step.prompt is None) == (step.audio is None):
            yield "", "pipeline.video_speech", "a video has either a prompt or an audio"
        case ModerateStep() if step.text is None and step.assets is None:
            yield "", "pipeline.nothing_to_judge", "a moderation has a text or assets"
        case HttpStep():
            yield from header_faults(step.headers)
        case PublishStep(target="media_library") if "assets" not in step.content:
            yield "/content", "pipeline.content_missing", "the media library needs content.assets"


def _breaks_out(expression: str) -> bool:
    return any(mark in expression for mark in ("{", "}", "%"))

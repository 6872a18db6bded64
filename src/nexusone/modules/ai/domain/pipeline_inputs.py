"""What runs are given: whether values fit a pipeline's inputs."""

from collections.abc import Callable, Iterator, Mapping
from uuid import UUID

from nexusone.kernel.contract import printable
from nexusone.kernel.locale import canonical_locale
from nexusone.modules.ai.contracts.pipeline_steps import ITEMS_MAX, InputKind, PipelineDefinition, PipelineInput

NUMBER_MAX = 10**15
LIST_MAX = 100
FIELDS_MAX = 30


def bound_inputs(definition: PipelineDefinition, values: Mapping[str, object]) -> dict[str, object]:
    """A value for every input that has one: the given one or its default. Check `input_faults` first."""
    merged = {name: values.get(name) if values.get(name) is not None else wanted.default for name, wanted in definition.inputs.items()}
    return {name: value for name, value in merged.items() if value is not None}


def input_faults(definition: PipelineDefinition, values: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Pointer, code and sentence of everything that does not fit."""
    for name in sorted(values.keys() - definition.inputs.keys()):
        yield f"/inputs/{name}", "pipeline.input_unknown", "The pipeline has no such input"
    for name, wanted in definition.inputs.items():
        value = values.get(name)
        if value is None:
            if wanted.is_required and wanted.default is None:
                yield f"/inputs/{name}", "pipeline.input_missing", "The pipeline needs this input"
        elif reason := input_fault(wanted, value):
            yield f"/inputs/{name}", "pipeline.input_invalid", reason


def input_fault(wanted: PipelineInput, value: object) -> str | None:
    """Why a value does not fit; None where it does."""
    return FITS[wanted.kind](wanted, value)


def _text(wanted: PipelineInput, value: object) -> str | None:
    if not isinstance(value, str) or len(value) > wanted.length_max:
        return f"This is a text of at most {wanted.length_max:,} characters"
    try:
        printable(value)
    except ValueError:
        return "This has characters that cannot be shown"
    return None


def _integer(_: PipelineInput, value: object) -> str | None:
    is_fit = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX
    return None if is_fit else "This is a whole number"


def _number(_: PipelineInput, value: object) -> str | None:
    is_fit = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= NUMBER_MAX
    return None if is_fit else "This is a number"


def _boolean(_: PipelineInput, value: object) -> str | None:
    return None if isinstance(value, bool) else "This is true or false"


def _locale(_: PipelineInput, value: object) -> str | None:
    try:
        return None if isinstance(value, str) and canonical_locale(value) else "This is a language tag such as pt-BR"
    except ValueError:
        return "This is a language tag such as pt-BR"


def _locales(wanted: PipelineInput, value: object) -> str | None:
    if not isinstance(value, list) or not 1 <= len(value) <= ITEMS_MAX or len(set(map(str, value))) != len(value):
        return f"This is a list of 1 to {ITEMS_MAX} different language tags"
    return next((reason for item in value if (reason := _locale(wanted, item))), None)


def _list(wanted: PipelineInput, value: object) -> str | None:
    if not isinstance(value, list) or len(value) > LIST_MAX:
        return f"This is a list of at most {LIST_MAX} texts"
    return next((reason for item in value if (reason := _text(wanted, item))), None)


def _asset(_: PipelineInput, value: object) -> str | None:
    try:
        return None if isinstance(value, str) and UUID(value) else "This is the id of an asset"
    except ValueError:
        return "This is the id of an asset"


def _objects(wanted: PipelineInput, value: object) -> str | None:
    if not isinstance(value, list) or len(value) > ITEMS_MAX:
        return f"This is a list of at most {ITEMS_MAX} objects"
    return next((reason for item in value if (reason := _flat_object(wanted, item))), None)


def _flat_object(wanted: PipelineInput, value: object) -> str | None:
    if not isinstance(value, dict) or len(value) > FIELDS_MAX:
        return f"An object has at most {FIELDS_MAX} fields"
    for name, field in value.items():
        if isinstance(field, dict | list):
            return "An object's fields are texts, numbers, true or false"
        for text in (name, field):
            if isinstance(text, str) and (reason := _text(wanted, text)):
                return reason
    return None


FITS: Mapping[InputKind, Callable[[PipelineInput, object], str | None]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "locale": _locale,
    "locales": _locales,
    "list": _list,
    "asset": _asset,
    "objects": _objects,
}

"""Reading what a model wrote: untrusted text that is parsed, checked and kept, never run."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jsonschema import Draft202012Validator
from referencing import Registry

UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
FAULTS_MAX = 10
FAULT_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True)
class ShapedAnswer:
    """An answer held against its schema: canonical JSON, or the faults that it has."""

    json_text: str | None
    faults: tuple[str, ...] = ()


def plain_answer(text: str) -> str:
    """The text as it can be stored: without NUL and lone surrogates."""
    return UNSTORABLE.sub("", text)


def shaped_answer(text: str, *, schema: Mapping[str, object]) -> ShapedAnswer:
    """Parses an answer and checks it; a code fence around the JSON is taken off."""
    fenced = FENCE.match(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text, parse_constant=_no_constant)
        json_text = json.dumps(value, ensure_ascii=False)
        if UNSTORABLE.search(json_text) or "\\u0000" in json_text:
            return ShapedAnswer(None, ("the answer has characters that cannot be stored",))
        faults = _schema_faults(value, schema)
    except RecursionError:
        return ShapedAnswer(None, ("the answer is nested too deeply",))
    except ValueError as error:
        return ShapedAnswer(None, (f"the answer is not JSON: {error}"[:FAULT_CHARACTERS_MAX],))
    return ShapedAnswer(None, faults) if faults else ShapedAnswer(json_text)


def _schema_faults(value: object, schema: Mapping[str, object]) -> tuple[str, ...]:
    # An empty registry: nothing is ever fetched to check an answer.
    errors = Draft202012Validator(schema, registry=Registry()).iter_errors(value)
    found = []
    for error in errors:
        found.append(f"{error.json_path}: {error.message}"[:FAULT_CHARACTERS_MAX])
        if len(found) == FAULTS_MAX:
            break
    return tuple(found)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")

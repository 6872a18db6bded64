"""Does the work: from a request to the words, their tokens and how they ended."""

import json
from dataclasses import dataclass
from typing import Literal

from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.simulation.brief import brief_of
from nexusone.providers.openai.simulation.copywriter import Copywriter
from nexusone.providers.openai.simulation.faults import FaultMode
from nexusone.providers.openai.simulation.requests import Ask
from nexusone.providers.openai.simulation.shapes import UnsupportedSchema, answer_for, wrong_answer_for
from nexusone.providers.openai.simulation.tokens import count_tokens, cut_to_tokens

Ending = Literal["stop", "length", "content_filter", "refusal"]
# What role markers and separators around each message cost.
TOKENS_AROUND = 7


@dataclass(frozen=True, slots=True)
class Work:
    """What was written; a refusal's words are in `text` as well."""

    text: str
    ending: Ending
    input_tokens: int
    output_tokens: int


def answer(ask: Ask, *, fault: FaultMode | None) -> Work:
    """Writes. Raises VendorError for a schema that cannot be followed."""
    writer = Copywriter(brief_of(instructions=ask.instructions, prompt=ask.prompt))
    ending: Ending = "stop"
    if fault == "refusal":
        text, ending = writer.say("refusal"), "refusal"
    elif fault == "content_filter":
        text, ending = "", "content_filter"
    elif fault == "bad_schema" and ask.kind != "text":
        text = json.dumps(wrong_answer_for(ask.schema))
    else:
        text = _written(ask, writer)
    text, is_cut = cut_to_tokens(text, ask.output_tokens_max)
    schema_tokens = count_tokens(json.dumps(ask.schema)) if ask.schema else 0
    return Work(
        text=text,
        ending="length" if is_cut and ending == "stop" else ending,
        input_tokens=count_tokens(ask.instructions) + count_tokens(ask.prompt) + schema_tokens + TOKENS_AROUND,
        output_tokens=count_tokens(text),
    )


def _written(ask: Ask, writer: Copywriter) -> str:
    if ask.kind == "text":
        return writer.text()
    if ask.kind == "json_object":
        return json.dumps({"subject": writer.say("subject"), "body": writer.body(), "cta": writer.say("cta")}, ensure_ascii=False)
    try:
        return json.dumps(answer_for(ask.schema, writer=writer), ensure_ascii=False)
    except UnsupportedSchema as error:
        raise refusals.invalid_schema("schema", str(error)) from error

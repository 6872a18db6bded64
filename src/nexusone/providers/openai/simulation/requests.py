"""Reads the two kinds of requests into one, refusing what the vendor refuses."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nexusone.providers.openai.simulation import refusals
from nexusone.providers.openai.structured import fits_strict

RESPONSE_PARAMETERS = frozenset(
    (
        *("background", "context_management", "conversation", "include", "input", "instructions", "max_output_tokens"),
        *("max_tool_calls", "metadata", "model", "moderation", "parallel_tool_calls", "previous_response_id", "prompt"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier", "service_tier"),
        *("store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p"),
        *("truncation", "user"),
    )
)
CHAT_PARAMETERS = frozenset(
    (
        *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens"),
        *("max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction"),
        *("presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort"),
        *("response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options"),
        *("temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
    )
)
BOOLEANS = ("stream", "store", "background", "parallel_tool_calls")
TEXTS = ("instructions", "safety_identifier", "prompt_cache_key", "user")
OBJECTS = ("metadata", "text", "reasoning", "stream_options", "response_format")
OUTPUT_TOKENS_MIN = 16
SAFETY_IDENTIFIER_CHARACTERS_MAX = 64
SCHEMA_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, whichever of the two wires it came on."""

    model: str
    instructions: str
    prompt: str
    output_tokens_max: int | None
    kind: Literal["text", "json_object", "json_schema"]
    schema: Mapping[str, object] = field(default_factory=dict)
    is_stream: bool = False
    includes_usage: bool = False


def read_response_request(body: object, *, models: Collection[str]) -> Ask:
    """`POST /v1/responses`. Raises VendorError."""
    request = _checked(body, parameters=RESPONSE_PARAMETERS, models=models)
    if request.get("input") is None:
        raise refusals.missing("input")
    text = _mapping(request.get("text"))
    kind, schema = _format(_mapping(text.get("format")), param="text.format")
    instructions, prompt = _said(request["input"], param="input")
    ask = Ask(
        model=str(request["model"]),
        instructions="\n".join(part for part in (str(request.get("instructions") or ""), instructions) if part),
        prompt=prompt,
        output_tokens_max=_tokens(request, "max_output_tokens", least=OUTPUT_TOKENS_MIN),
        kind=kind,
        schema=schema,
        is_stream=request.get("stream") is True,
    )
    return _with_json_named(ask, param="input")


def read_chat_request(body: object, *, models: Collection[str]) -> Ask:
    """`POST /v1/chat/completions`. Raises VendorError."""
    request = _checked(body, parameters=CHAT_PARAMETERS, models=models)
    messages = request.get("messages")
    if messages is None:
        raise refusals.missing("messages")
    if not isinstance(messages, list):
        raise refusals.wrong_type("messages", wanted="an array of objects", got=messages)
    if not messages:
        raise refusals.VendorError("Invalid 'messages': empty array.", param="messages", code="empty_array")
    if request.get("stream_options") is not None and request.get("stream") is not True:
        words = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise refusals.VendorError(words, param="stream_options")
    wanted = _mapping(request.get("response_format"))
    named = _mapping(wanted.get("json_schema"))
    kind, schema = _format({**named, "type": wanted["type"]} if wanted else {}, param="response_format")
    instructions, prompt = _said(messages, param="messages")
    limit = "max_completion_tokens" if request.get("max_completion_tokens") is not None else "max_tokens"
    ask = Ask(
        model=str(request["model"]),
        instructions=instructions,
        prompt=prompt,
        output_tokens_max=_tokens(request, limit, least=1),
        kind=kind,
        schema=schema,
        is_stream=request.get("stream") is True,
        includes_usage=_mapping(request.get("stream_options")).get("include_usage") is True,
    )
    return _with_json_named(ask, param="messages")


def _checked(body: object, *, parameters: Collection[str], models: Collection[str]) -> Mapping[str, object]:
    if not isinstance(body, Mapping):
        raise refusals.VendorError("We could not parse the JSON body of your request.")
    for name in body:
        if name not in parameters:
            raise refusals.unknown_parameter(name)
    if body.get("model") is None:
        raise refusals.missing("model")
    for names, kind, wanted in ((("model", *TEXTS), str, "a string"), (BOOLEANS, bool, "a boolean"), (OBJECTS, Mapping, "an object")):
        for name in names:
            if body.get(name) is not None and not isinstance(body[name], kind):
                raise refusals.wrong_type(name, wanted=wanted, got=body[name])
    if len(body.get("safety_identifier") or "") > SAFETY_IDENTIFIER_CHARACTERS_MAX:
        words = "Invalid 'safety_identifier': string too long. Expected a string with maximum length 64."
        raise refusals.VendorError(words, param="safety_identifier", code="string_above_max_length")
    if body["model"] not in models:
        raise refusals.unknown_model(body["model"])
    return body


def _tokens(request: Mapping[str, object], param: str, *, least: int) -> int | None:
    limit = request.get(param)
    if limit is None:
        return None
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise refusals.wrong_type(param, wanted="an integer", got=limit)
    if limit < least:
        words = f"Invalid '{param}': integer below minimum value. Expected a value >= {least}, but got {limit} instead."
        raise refusals.VendorError(words, param=param, code="integer_below_min_value")
    return limit


def _format(wanted: Mapping[str, object], *, param: str) -> tuple[Literal["text", "json_object", "json_schema"], Mapping[str, object]]:
    kind = wanted.get("type", "text")
    if kind == "text" or kind == "json_object":
        return kind, {}
    if kind != "json_schema":
        words = f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and 'text'."
        raise refusals.VendorError(words, param=f"{param}.type", code="invalid_value")
    name, schema = wanted.get("name"), wanted.get("schema")
    if not isinstance(name, str):
        raise refusals.missing(f"{param}.name")
    if not SCHEMA_NAME.match(name):
        words = f"Invalid '{param}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        raise refusals.VendorError(words, param=f"{param}.name", code="invalid_value")
    if not isinstance(schema, Mapping):
        raise refusals.missing(f"{param}.schema")
    if wanted.get("strict") is True and not fits_strict(schema):
        why = "'additionalProperties' is required to be false, every property to be required, and only supported keywords to be used."
        raise refusals.invalid_schema(param, why)
    return "json_schema", schema


def _said(messages: object, *, param: str) -> tuple[str, str]:
    """What the product said (system, developer) and what was asked (anyone else)."""
    if isinstance(messages, str):
        return "", messages
    if not isinstance(messages, list):
        raise refusals.wrong_type(param, wanted="a string or an array of objects", got=messages)
    instructions: list[str] = []
    asked: list[str] = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise refusals.wrong_type(f"{param}[{index}]", wanted="an object", got=message)
        if "role" not in message:
            raise refusals.missing(f"{param}[{index}].role")
        (instructions if message["role"] in ("system", "developer") else asked).append(_content(message.get("content")))
    return "\n".join(instructions), "\n".join(asked)


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))


def _with_json_named(ask: Ask, *, param: str) -> Ask:
    if ask.kind == "json_object" and "json" not in f"{ask.instructions} {ask.prompt}".lower():
        words = f"'{param}' must contain the word 'json' in some form to use the format of type 'json_object'."
        raise refusals.VendorError(words, param=param)
    return ask


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}

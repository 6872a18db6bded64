"""Reads tasks as the vendor does: what is wrong with one is an error that names its parameter and its task."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from nexusone.providers.runware.catalog import IMAGES_MAX, PROMPT_CHARACTERS_MAX, listed_model

Json = dict[str, Any]
NAMES = {
    "task_uuid": "taskUUID",
    "cfg_scale": "CFGScale",
    "webhook_url": "webhookURL",
    "includes_cost": "includeCost",
    "checks_nsfw": "checkNSFW",
}
DOCUMENTATION = "https://runware.ai/docs/platform/errors"


def _wire_name(name: str) -> str:
    return NAMES.get(name) or to_camel(name)


class Ask(BaseModel):
    """A task that makes pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=_wire_name)

    task_type: Literal["imageInference"]
    task_uuid: str
    positive_prompt: str = Field(min_length=2, max_length=PROMPT_CHARACTERS_MAX)
    negative_prompt: str | None = Field(default=None, min_length=2, max_length=PROMPT_CHARACTERS_MAX)
    model: str
    width: int = Field(ge=128, le=2048, multiple_of=64)
    height: int = Field(ge=128, le=2048, multiple_of=64)
    steps: int | None = Field(default=None, ge=1, le=100)
    cfg_scale: float | None = Field(default=None, ge=0, le=50)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    number_results: int = Field(default=1, ge=1, le=IMAGES_MAX)
    output_type: Literal["URL"] = "URL"
    output_format: Literal["PNG", "JPG", "WEBP"] = "JPG"
    delivery_method: Literal["sync", "async"] = "sync"
    webhook_url: str | None = Field(default=None, pattern=r"^https?://[^/]+/", max_length=2000)
    includes_cost: bool = False
    checks_nsfw: bool = False
    ttl: int | None = Field(default=None, ge=60)


class TaskRefused(Exception):
    """One task is not taken."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["code"])
        self.error = error


def refused(code: str, message: str, task: Mapping[str, Any], *, parameter: str | None = None) -> TaskRefused:
    """A refusal in the vendor's shape."""
    told: Json = {"code": code, "message": message, "documentation": DOCUMENTATION}
    named = {"parameter": parameter, "taskUUID": task.get("taskUUID"), "taskType": task.get("taskType")}
    return TaskRefused(told | {name: value for name, value in named.items() if isinstance(value, str)})


def read_ask(task: Json) -> Ask:
    """A task as it may be worked on. Raises: TaskRefused."""
    try:
        ask = Ask.model_validate(task)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _refusal(first["type"], str(first["loc"][0]), first["msg"], task) from None
    if not _is_version_4(ask.task_uuid):
        raise refused("invalidTaskUUID", "Invalid value for 'taskUUID'. It must be a UUID v4.", task, parameter="taskUUID")
    listed = listed_model(ask.model)
    if listed is None:
        raise refused("modelNotFound", "The model was not found.", task, parameter="model")
    if ask.negative_prompt is not None and not listed.takes_negative_prompt:
        raise _refusal("extra_forbidden", "negativePrompt", "not of this model", task)
    return ask


def _refusal(kind: str, parameter: str, message: str, task: Json) -> TaskRefused:
    capital = parameter[:1].upper() + parameter[1:]
    match kind:
        case "extra_forbidden":
            return refused("unsupportedParameter", f"Parameter '{parameter}' is not supported.", task, parameter=parameter)
        case "missing":
            return refused(f"missing{capital}", f"Missing parameter '{parameter}'.", task, parameter=parameter)
        case _:
            return refused(f"invalid{capital}", f"Invalid value for '{parameter}': {message}.", task, parameter=parameter)


def _is_version_4(text: str) -> bool:
    try:
        return UUID(text).version == 4
    except ValueError:
        return False

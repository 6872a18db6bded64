"""The deployment's own words on models: read from its file at the start, laid over the vendors' tables."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from nexusone.modules.ai.domain.overrides import ModelOverride, with_overrides
from nexusone.modules.ai.ports.models import ModelCard, Price, Unit
from nexusone.platform.runtime import Context
from nexusone.platform.settings import SettingsFileInvalid

SETTING = "NEXUSONE_AI_MODELS_FILE"
FILE_BYTES_MAX = 1_000_000


class _ListedPrice(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    unit: Unit
    micros: Annotated[int, Field(gt=0)]
    per: Annotated[int, Field(gt=0)] = 1
    when: dict[str, str] = {}


class _ListedModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    prices: list[_ListedPrice] | None = None
    hidden: bool = False
    is_default: bool | None = None
    retires_on: date | None = None


_FILE: TypeAdapter[dict[str, dict[str, _ListedModel]]] = TypeAdapter(dict[str, dict[str, _ListedModel]])


@dataclass(frozen=True, slots=True)
class ModelOverrides:
    """What the deployment says, by vendor and model."""

    by_model: Mapping[tuple[str, str], ModelOverride]


def read_overrides(path: Path | None) -> ModelOverrides:
    """The file's words; none without a file.

    Raises:
        SettingsFileInvalid: it cannot be read, or is not as it must be; with what and where.
    """
    if path is None:
        return ModelOverrides({})
    try:
        content = path.read_bytes()
        if len(content) > FILE_BYTES_MAX:
            raise SettingsFileInvalid(f"{SETTING}: {path} has more than {FILE_BYTES_MAX} bytes")
        listed = _FILE.validate_python(tomllib.loads(content.decode("utf-8")))
    except OSError as error:
        raise SettingsFileInvalid(f"{SETTING}: {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors())
        raise SettingsFileInvalid(f"{SETTING}: {path}: {faults}") from error
    except ValueError as error:
        raise SettingsFileInvalid(f"{SETTING}: {path} is no TOML: {error}") from error
    return ModelOverrides({(vendor, name): _override(model) for vendor, models in listed.items() for name, model in models.items()})


def check_overrides(overrides: ModelOverrides, cards: Iterable[ModelCard], *, vendors: Iterable[str]) -> None:
    """Refuses words on models that nobody has; a known vendor that is not connected is not looked into.

    Raises:
        SettingsFileInvalid: with the names there are.
    """
    names: dict[str, set[str]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for card in cards:
        names.setdefault(card.vendor, set()).add(card.name)
        kinds[card.vendor, card.name] = card.kind
    known, first = {*vendors, *names}, dict[str, str]()
    for (vendor, name), override in overrides.by_model.items():
        if vendor not in known:
            raise SettingsFileInvalid(f"{SETTING}: there is no vendor {vendor}; there are {', '.join(sorted(known))}")
        if vendor in names and name not in names[vendor]:
            raise SettingsFileInvalid(f"{SETTING}: {vendor} has no model {name}; it has {', '.join(sorted(names[vendor]))}")
        kind = kinds.get((vendor, name), name)
        if override.is_default and first.setdefault(kind, name) != name:
            raise SettingsFileInvalid(f"{SETTING}: both {first[kind]} and {name} are the default of {kind}")


def adjusted(ctx: Context, cards: Iterable[ModelCard]) -> tuple[ModelCard, ...]:
    """The cards as the deployment has them."""
    return with_overrides(cards, ctx.runtime.port(ModelOverrides).by_model)


def _override(listed: _ListedModel) -> ModelOverride:
    return ModelOverride(
        prices=None if listed.prices is None else tuple(Price(one.unit, one.micros, one.per, one.when) for one in listed.prices),
        hidden=listed.hidden,
        is_default=listed.is_default,
        retires_on=None if listed.retires_on is None else listed.retires_on.isoformat(),
    )

"""The card on a module's door: all it brings into a process, as data."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic_settings import BaseSettings

from nexusone.platform.events import Event, Subscriber
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Runtime
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.vault import MasterKeys
from nexusone.web.door import Door

Companion = Callable[[Runtime], AbstractAsyncContextManager[None]]
Keeper = Callable[[PlatformSettings, MasterKeys], object]


@runtime_checkable
class UsesKeys(Protocol):
    """What a keeper does besides, if it holds anything that master keys gave."""

    def use_keys(self, keys: MasterKeys) -> None:
        """Goes on with other keys."""
        ...


@runtime_checkable
class Closes(Protocol):
    """What a keeper does besides, if it holds anything open."""

    async def close(self) -> None:
        """Lets go of it, when the process ends."""
        ...


@dataclass(frozen=True, slots=True)
class Module:
    """What `module.py` declares. `graphql_queries` are Strawberry types whose fields join the one Query type.

    `personal_data` maps `table.column` to what it is about, for exports, erasure and masking.
    `keepers` make, by its type, what the module keeps in memory in each process; `ctx.port` finds it.
    `companions` run beside the API of every process that serves the module, from its start to its end.
    """

    name: str
    folder: Path
    doors: Sequence[Door] = ()
    graphql_queries: Sequence[type[Any]] = ()
    jobs: Sequence[JobKind[Any]] = ()
    subscribers: Sequence[Subscriber[Any]] = ()
    schedules: Sequence[Schedule] = ()
    events: Sequence[type[Event]] = ()
    settings: Sequence[type[BaseSettings]] = ()
    permissions: Sequence[str] = ()
    personal_data: dict[str, str] = field(default_factory=dict)
    keepers: Mapping[type[object], Keeper] = field(default_factory=dict)
    companions: Sequence[Companion] = ()

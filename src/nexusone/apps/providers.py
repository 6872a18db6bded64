"""Finds the vendors: every folder under `nexusone.providers`, and packages that offer `nexusone.providers` entry points."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from nexusone import providers as providers_package
from nexusone.platform.provider import Collection, Manifest, ProviderSetup

ENTRY_POINT_GROUP = "nexusone.providers"


@dataclass(frozen=True, slots=True)
class SandboxAddresses:
    """Where the simulators are: their HTTP server, and the raw sockets by provider name."""

    http: str
    sockets: Mapping[str, str]


@runtime_checkable
class _Closing(Protocol):
    async def close(self) -> None: ...


@runtime_checkable
class _SideBySide(Protocol):
    @property
    def by_name(self) -> Mapping[str, object]: ...


def discover() -> tuple[Manifest, ...]:
    """The manifests of all vendors, by name."""
    found: dict[str, Manifest] = {}
    for entry in pkgutil.iter_modules(providers_package.__path__):
        manifest = importlib.import_module(f"{providers_package.__name__}.{entry.name}.manifest").MANIFEST
        found[manifest.name] = manifest
    for point in entry_points(group=ENTRY_POINT_GROUP):
        manifest = point.load()
        found[manifest.name] = manifest
    return tuple(found[name] for name in sorted(found))


def build_ports(
    manifests: tuple[Manifest, ...], *, sandbox: SandboxAddresses | None, credentials: Mapping[str, Mapping[str, str]]
) -> dict[type[object], object]:
    """What implements each port. In sandbox mode every vendor is its simulator; else only vendors with credentials are built."""
    ports: dict[type[object], object] = {}
    side_by_side: dict[Collection, dict[str, object]] = {}
    for manifest in manifests:
        setup = _setup_of(manifest, sandbox, credentials)
        if setup is None:
            continue
        for capability in manifest.capabilities:
            if capability.among is None:
                ports.setdefault(capability.port, capability.build(setup))
            else:
                side_by_side.setdefault(capability.among, {})[manifest.name] = capability.build(setup)
    for collection, built in side_by_side.items():
        made: object = collection(built)
        ports[type(made)] = made
    return ports


@asynccontextmanager
async def closing_ports(*built: Mapping[type[object], object]) -> AsyncIterator[None]:
    """Ends the connections of what `build_ports` built, after the block."""
    try:
        yield
    finally:
        kept = [made for ports in built for made in ports.values()]
        side_by_side = [one for made in kept if isinstance(made, _SideBySide) for one in made.by_name.values()]
        closings = {id(made): made for made in (*kept, *side_by_side) if isinstance(made, _Closing)}
        for made in closings.values():
            await made.close()


def _setup_of(manifest: Manifest, sandbox: SandboxAddresses | None, credentials: Mapping[str, Mapping[str, str]]) -> ProviderSetup | None:
    if sandbox is None:
        held = credentials.get(manifest.name, {})
        if any(name not in held for name in manifest.credential_fields):
            return None
        return ProviderSetup(address=held.get("address", manifest.live_address), credentials=held, is_sandbox=False)
    address = sandbox.sockets.get(manifest.name) or f"{sandbox.http}/{manifest.name}{manifest.simulator_path}"
    return ProviderSetup(address=address, credentials=manifest.sandbox_credentials, is_sandbox=True)

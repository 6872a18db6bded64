"""Vendors that workspaces connect themselves, built by a test."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.modules.ai.scripted import scripted

from nexusone.modules.ai.ports.media import ImageModel
from nexusone.modules.ai.ports.text import TextModel
from nexusone.modules.ai.ports.vendors import Vendor

SCRIPTED = Vendor(
    name="scripted",
    title="Scripted",
    ports=frozenset({TextModel}),
    credential_fields=("api_key",),
    optional_fields=("project",),
    takes_address=True,
)
PLAIN = Vendor(name="plain", title="Plain", ports=frozenset({ImageModel}), credential_fields=("token",))
PAYING = Vendor(name="paying", title="Paying", ports=frozenset(), credential_fields=("token",))


@dataclass
class Built:
    """One client that was built, and with what."""

    vendor: str
    port: type[object]
    credentials: Mapping[str, str]
    address: str | None
    client: object


@dataclass
class ScriptedKit:
    """Gives what `clients` has for a port, or a text model that says one thing."""

    clients: Mapping[type[object], object] = field(default_factory=dict)
    built: list[Built] = field(default_factory=list)
    known: tuple[Vendor, ...] = (PAYING, PLAIN, SCRIPTED)

    def vendors(self) -> tuple[Vendor, ...]:
        return self.known

    def build(self, vendor: str, port: type[object], *, credentials: Mapping[str, str], address: str | None) -> object:
        client = self.clients.get(port) or scripted()
        self.built.append(Built(vendor, port, credentials, address, client))
        return client

"""What a vendor's folder declares of itself: its manifest, what it implements, how it is simulated."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

AsgiMessage = MutableMapping[str, Any]
AsgiApplication = Callable[[AsgiMessage, Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]], Awaitable[None]]
"""An ASGI application, by the shape of the standard: the machinery knows no web framework."""


@dataclass(frozen=True, slots=True)
class ProviderSetup:
    """What a capability is built from: where the vendor is, and with which credentials to speak to it.

    `is_guarded`: the address is a customer's word, so only public ones (in the sandbox: simulators) are connected to.
    """

    address: str
    credentials: Mapping[str, str]
    is_sandbox: bool
    is_guarded: bool = False


class Collection(Protocol):
    """A port whose implementations stand side by side."""

    def __call__(self, by_name: Mapping[str, Any]) -> Any:
        """Made from what implements it, by the vendors' names."""
        ...


@dataclass(frozen=True, slots=True)
class Capability:
    """One port the vendor implements. `build` makes the implementation; the conformance suite holds it to the port.

    Where several vendors serve side by side, `among` is what collects them: it is made from a mapping of their names.
    """

    port: type[Any]
    build: Callable[[ProviderSetup], Any]
    among: Collection | None = None


@dataclass(frozen=True, slots=True)
class SimulatorSetup:
    """Where a simulator may live: a folder of its own, the host to bind, the port for a raw socket (0: any free one).

    `webhooks` is where the product hears what happens at the vendor; None where nobody listens.
    """

    data: Path
    host: str
    socket_port: int = 0
    webhooks: str | None = None


@dataclass(frozen=True, slots=True)
class SimulatorParts:
    """A running simulator's doors.

    `app` is mounted at `/<provider name>` of the simulators' HTTP server. `socket`, for vendors that do not speak
    HTTP, is entered for as long as the simulator lives and yields the address, such as `smtp://127.0.0.1:2525`.
    """

    app: AsgiApplication | None = None
    socket: Callable[[], AbstractAsyncContextManager[str]] | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A vendor as data: found by discovery, never listed by hand.

    `live_address` is used in live mode where settings give no other; in sandbox mode every address is a simulator's
    (`simulator_path` is appended to the HTTP simulator's mount). `credential_fields` name what the vault must hold,
    `optional_fields` what it may hold besides. `takes_address`: other servers speak this vendor's protocol too, so that a
    customer may name one.
    """

    name: str
    title: str
    live_address: str
    credential_fields: tuple[str, ...]
    capabilities: tuple[Capability, ...]
    simulator: Callable[[SimulatorSetup], SimulatorParts] | None = None
    simulator_path: str = ""
    optional_fields: tuple[str, ...] = ()
    takes_address: bool = False
    sandbox_credentials: Mapping[str, str] = field(default_factory=dict)

"""Vendors that a workspace pays itself: clients with its own credentials, kept open for a while."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, cast
from uuid import UUID

from nexusone.modules.ai.ports.judging import Embedder
from nexusone.modules.ai.ports.media import ImageModel, VideoModel, VoiceModel
from nexusone.modules.ai.ports.models import Kind
from nexusone.modules.ai.ports.passage import WirePassage
from nexusone.modules.ai.ports.text import TextModel
from nexusone.modules.ai.ports.vendors import Vendor, VendorKit
from nexusone.modules.ai.store import vendor_keys
from nexusone.modules.ai.store.vendor_keys import VendorKeyRow
from nexusone.platform.runtime import Context

Use = Kind | Literal["wire"]
"""What an account is used for: to make something of a kind, or to pass on requests in the wire of others."""

PORTS: Mapping[Use, type[object]] = {
    "text": TextModel,
    "image": ImageModel,
    "voice": VoiceModel,
    "video": VideoModel,
    "embedding": Embedder,
    "wire": WirePassage,
}
KINDS: tuple[Kind, ...] = ("text", "image", "voice", "video", "embedding")
PASSED_ON: tuple[Kind, ...] = ("text", "image", "embedding")
TABLE, COLUMN = "ai.vendor_key", "sealed_credentials"
CONNECTIONS_MAX = 256
# Longer than the longest call or download, so that nothing is closed under who uses it.
RETIRED_FOR = timedelta(minutes=20)


class _Client(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OwnVendors:
    """The clients of a workspace's own accounts, by kind and vendor."""

    by_kind: Mapping[Use, Mapping[str, object]]

    def find(self, kind: Use, vendor: str) -> object | None:
        """The client of a vendor; None where the workspace has no account of its own there."""
        return self.by_kind.get(kind, {}).get(vendor)

    def passages(self) -> "OwnVendors":
        """The same accounts as far as requests can be passed on to them, whatever these ask for."""
        return OwnVendors(dict.fromkeys(PASSED_ON, wires)) if (wires := self.by_kind.get("wire")) else NO_OWN


NO_OWN = OwnVendors({})


@dataclass(frozen=True, slots=True)
class _Connection:
    key_id: UUID
    clients: Mapping[Use, object]


class OwnClients:
    """What is open to workspaces' own accounts in this process; what was replaced is closed once nobody can be using it."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[UUID, str], _Connection] = OrderedDict()
        self._retired: list[tuple[datetime, _Connection]] = []

    def find(self, workspace_id: UUID, row: VendorKeyRow) -> Mapping[Use, object] | None:
        """The clients with this very key."""
        found = self._open.get((workspace_id, row.vendor))
        if found is None or found.key_id != row.id:
            return None
        self._open.move_to_end((workspace_id, row.vendor))
        return found.clients

    def keep(self, workspace_id: UUID, row: VendorKeyRow, clients: Mapping[Use, object], *, now: datetime) -> None:
        """Keeps clients; those of an earlier key and those used longest ago are retired."""
        self.retire(workspace_id, row.vendor, now=now)
        self._open[workspace_id, row.vendor] = _Connection(row.id, clients)
        while len(self._open) > CONNECTIONS_MAX:
            self._retired.append((now + RETIRED_FOR, self._open.popitem(last=False)[1]))

    def retire(self, workspace_id: UUID, vendor: str, *, now: datetime) -> None:
        """Lets nobody else use them."""
        if (former := self._open.pop((workspace_id, vendor), None)) is not None:
            self._retired.append((now + RETIRED_FOR, former))

    async def close_retired(self, *, now: datetime) -> None:
        """Closes what was retired long enough ago."""
        over = [connection for at, connection in self._retired if at <= now]
        self._retired = [(at, connection) for at, connection in self._retired if at > now]
        for connection in over:
            await _close(connection)

    async def close(self) -> None:
        """Closes everything."""
        everything = [*(connection for _, connection in self._retired), *self._open.values()]
        self._retired, self._open = [], OrderedDict()
        for connection in everything:
            await _close(connection)


async def own_vendors(ctx: Context) -> OwnVendors:
    """The workspace's own accounts; none for tests, which never reach a vendor."""
    if ctx.is_test or VendorKit not in ctx.runtime.ports:
        return NO_OWN
    async with ctx.transaction("ai") as tx:
        rows = await vendor_keys.list_all(tx, workspace_id=ctx.workspace)
    if not rows:
        return NO_OWN
    by_kind: dict[Use, dict[str, object]] = {use: {} for use in PORTS}
    for row in rows:
        for kind, client in (await clients_of(ctx, row)).items():
            by_kind[kind][row.vendor] = client
    return OwnVendors(by_kind)


async def clients_of(ctx: Context, row: VendorKeyRow) -> Mapping[Use, object]:
    """The clients with one key, by what they make; none where the vendor is not there any more."""
    opened, now = ctx.port(OwnClients), ctx.now()
    await opened.close_retired(now=now)
    if (found := opened.find(ctx.workspace, row)) is not None:
        return found
    vendor = find_vendor(ctx, row.vendor)
    if vendor is None:
        return {}
    credentials, kit = await _credentials(ctx, row), ctx.port(VendorKit)
    clients = {
        kind: kit.build(vendor.name, port, credentials=credentials, address=row.address)
        for kind, port in PORTS.items()
        if port in vendor.ports
    }
    opened.keep(ctx.workspace, row, clients, now=now)
    return clients


def find_vendor(ctx: Context, name: str) -> Vendor | None:
    """The vendor of that name that makes anything."""
    return next((vendor for vendor in connectable(ctx) if vendor.name == name), None)


def connectable(ctx: Context) -> tuple[Vendor, ...]:
    """The vendors that can be connected: those that make anything."""
    if VendorKit not in ctx.runtime.ports:
        return ()
    return tuple(vendor for vendor in ctx.port(VendorKit).vendors() if kinds_of(vendor))


def kinds_of(vendor: Vendor) -> tuple[Kind, ...]:
    """What a vendor makes."""
    return tuple(kind for kind in KINDS if PORTS[kind] in vendor.ports)


async def sealed(ctx: Context, key_id: UUID, credentials: Mapping[str, str]) -> bytes:
    """The credentials as the table keeps them."""
    vault = ctx.runtime.vault
    key = await vault.key_of(ctx.workspace)
    plaintext = json.dumps(dict(credentials)).encode()
    return vault.seal(key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=key_id, plaintext=plaintext)


async def _credentials(ctx: Context, row: VendorKeyRow) -> Mapping[str, str]:
    vault = ctx.runtime.vault
    key = await vault.key_of(ctx.workspace)
    opened = vault.open(key, workspace_id=ctx.workspace, table=TABLE, column=COLUMN, row_id=row.id, ciphertext=row.sealed_credentials)
    found: dict[str, str] = json.loads(opened)
    return found


async def _close(connection: _Connection) -> None:
    for client in connection.clients.values():
        await cast(_Client, client).close()

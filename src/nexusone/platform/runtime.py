"""What one process is made of, and the context that every use case is called with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from pydantic_settings import BaseSettings

from nexusone.kernel.clock import Clock
from nexusone.kernel.errors import Conflict, Forbidden
from nexusone.platform.blobs import Blobs
from nexusone.platform.database import Database, Transaction, retrying
from nexusone.platform.origin import SYSTEM, IdempotencyClaim, Principal
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.sql import Sql
from nexusone.platform.vault import MasterKeys, Vault

P = TypeVar("P")
R = TypeVar("R")
S = TypeVar("S", bound=BaseSettings)


class SandboxMissing(Conflict):
    """A test key only ever reaches simulators, and this deployment runs none."""

    code = "sandbox.missing"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The composition of one process: made once by `apps`, never changed after the start; the vault alone takes up new keys.

    `ports` maps a port (Protocol) to what implements it, `sandbox_ports` to what does so for test keys in live mode,
    `settings` a settings class to its values, `subscriptions` an event's name to the names of the jobs it sets off.
    """

    database: Database
    clock: Clock
    vault: Vault
    blobs: Blobs
    ports: Mapping[type[object], object]
    settings: Mapping[type[BaseSettings], BaseSettings]
    subscriptions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sandbox_ports: Mapping[type[object], object] | None = None

    @property
    def keys(self) -> MasterKeys:
        """The master keys in force; a rotation replaces them while the process runs, so nobody keeps them."""
        return self.vault.keys

    def port(self, kind: type[P], *, is_test: bool = False) -> P:
        """What implements a port; a missing one is a fault of the composition.

        Raises:
            SandboxMissing: a test asks in live mode, and this process knows no simulators.
        """
        if not is_test or self.setting(PlatformSettings).mode == "sandbox":
            return cast("P", self.ports[kind])
        if self.sandbox_ports is None or kind not in self.sandbox_ports:
            raise SandboxMissing
        return cast("P", self.sandbox_ports[kind])

    def setting(self, kind: type[S]) -> S:
        """The values of a settings class."""
        return cast("S", self.settings[kind])

    def system(self, workspace_id: UUID | None = None) -> "Context":
        """A context for work that no person asked for, in one workspace or (reads only) across all."""
        return Context(runtime=self, workspace_id=workspace_id, principal=SYSTEM, request_id="system")


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, for which workspace, in which language; the first argument of every use case."""

    runtime: Runtime
    workspace_id: UUID | None
    principal: Principal
    request_id: str
    locale: str = "en"
    timezone: str = "UTC"
    ip: str | None = None
    user_agent: str | None = None
    is_test: bool = False
    idempotency: IdempotencyClaim | None = None

    @property
    def workspace(self) -> UUID:
        """The workspace's id; using it without one is a fault of the caller."""
        if self.workspace_id is None:
            raise LookupError("this context has no workspace")
        return self.workspace_id

    def now(self) -> datetime:
        """The present instant, UTC."""
        return self.runtime.clock.now()

    def subscribers(self, event_name: str) -> Sequence[str]:
        """The names of the jobs that a publication of the event sets off."""
        return self.runtime.subscriptions.get(event_name, ())

    def transaction(self, module: str, *, statement_timeout_seconds: int | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Opens the one transaction of a use case; see `Database.transaction`."""
        return self.runtime.database.transaction(module, origin=self, statement_timeout_seconds=statement_timeout_seconds)

    async def fetch_in_one_trip(self, module: str, row: type[R], statement: Sql, parameters: Mapping[str, object]) -> list[R]:
        """All rows of one statement in a transaction of its own, in one round trip; for hot reads."""
        return await self.runtime.database.fetch_in_one_trip(module, row, statement, parameters, origin=self)

    async def try_in_one_trip(self, module: str, row: type[R], statement: Sql, parameters: Mapping[str, object]) -> list[R] | None:
        """The same for one statement that writes; None where it was undone (serialization failure): then take a transaction."""
        return await self.runtime.database.try_in_one_trip(module, row, statement, parameters, origin=self)

    async def atomically(self, module: str, work: Callable[[Transaction], Awaitable[R]]) -> R:
        """`work` in one transaction, again after deadlocks and serialization failures, three times at most."""

        async def attempt() -> R:
            async with self.transaction(module) as tx:
                return await work(tx)

        return await retrying(attempt)

    def port(self, kind: type[P]) -> P:
        """What implements a port; for a test, its simulator. Raises: SandboxMissing."""
        return self.runtime.port(kind, is_test=self.is_test)

    def setting(self, kind: type[S]) -> S:
        """The values of a settings class."""
        return self.runtime.setting(kind)

    def may(self, permission: str) -> bool:
        """Whether the principal has a permission."""
        return "*" in self.principal.permissions or permission in self.principal.permissions

    def require(self, permission: str) -> None:
        """Raises Forbidden where the principal lacks the permission."""
        if not self.may(permission):
            raise Forbidden(permission=permission)

    def for_workspace(self, workspace_id: UUID) -> "Context":
        """The same asker in another workspace; only for work that the system itself does."""
        return replace(self, workspace_id=workspace_id)

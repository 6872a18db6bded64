"""A seam between use cases and database: every statement asks for another workspace's rows than the transaction is for."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from nexusone.platform.database import Database, Transaction
from nexusone.platform.origin import Origin

METHODS = ("execute", "fetch_all", "find_one", "fetch_one", "find_value", "fetch_value", "fetch_tuples")
STREAMS = ("stream", "copy_out")
WORKSPACE = "workspace_id"
BEHIND_THE_DOOR = ("user", "api_key", "operator")


@dataclass(frozen=True, slots=True)
class Spoof:
    """Puts `others[own]` where a statement of `own` says workspace_id, once the caller is let in."""

    others: Mapping[UUID, UUID]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """As long as the block."""
        with pytest.MonkeyPatch.context() as patch:
            for name in METHODS:
                patch.setattr(Transaction, name, self._awaited(getattr(Transaction, name)))
            for name in STREAMS:
                patch.setattr(Transaction, name, self._iterated(getattr(Transaction, name)))
            patch.setattr(Transaction, "execute_many", self._many(Transaction.execute_many))
            patch.setattr(Database, "fetch_in_one_trip", self._one_trip(Database.fetch_in_one_trip))
            yield

    def of(self, origin: Origin, parameters: Any) -> Any:
        """The parameters as they go to the database."""
        own = origin.workspace_id
        if own is None or own not in self.others or origin.principal.kind not in BEHIND_THE_DOOR or not isinstance(parameters, Mapping):
            return parameters
        if WORKSPACE not in parameters:
            return parameters
        return {**parameters, WORKSPACE: self.others[own]}

    def _awaited(self, real: Any) -> Any:
        async def asked(tx: Transaction, *given: Any, **named: Any) -> Any:
            return await real(tx, *self._spoofed(real, tx, given, named))

        return asked

    def _iterated(self, real: Any) -> Any:
        async def asked(tx: Transaction, *given: Any, **named: Any) -> Any:
            async for item in real(tx, *self._spoofed(real, tx, given, named)):
                yield item

        return asked

    def _many(self, real: Any) -> Any:
        async def asked(tx: Transaction, statement: Any, rows: Sequence[Any]) -> None:
            await real(tx, statement, [self.of(tx.origin, row) for row in rows])

        return asked

    def _one_trip(self, real: Any) -> Any:
        async def asked(database: Database, module: str, row: Any, statement: Any, parameters: Any, *, origin: Origin) -> Any:
            return await real(database, module, row, statement, self.of(origin, parameters), origin=origin)

        return asked

    def _spoofed(self, real: Any, tx: Transaction, given: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
        bound = inspect.signature(real).bind(tx, *given, **named)
        bound.arguments["parameters"] = self.of(tx.origin, bound.arguments.get("parameters"))
        return list(bound.args[1:])

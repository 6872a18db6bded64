"""`nexusone operators`: the staff who may visit workspaces; they are made here and nowhere else."""

from uuid import UUID

from nexusone.apps.compose import composed
from nexusone.apps.process import Ground
from nexusone.modules.identity import api as identity
from nexusone.modules.identity.contracts.operators import Operator


async def add_operator(base: Ground, *, email: str, name: str, password: str) -> UUID:
    """Makes an operator; answers their id. Refusals: as `identity.api.add_operator`."""
    async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
        return await identity.add_operator(composition.runtime.system(), email=email, name=name, password=password)


async def disable_operator(base: Ground, *, email: str) -> None:
    """Lets an operator in no more. Refusals: as `identity.api.disable_operator`."""
    async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
        await identity.disable_operator(composition.runtime.system(), email=email)


async def forget_factor(base: Ground, *, email: str) -> None:
    """Forgets an operator's authenticator app. Refusals: as `identity.api.forget_operator_factor`."""
    async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
        await identity.forget_operator_factor(composition.runtime.system(), email=email)


async def list_operators(base: Ground) -> list[Operator]:
    """All operators."""
    async with composed(base.settings, url=base.database.url, keys=base.keys, ports={}) as composition:
        return await identity.list_operators(composition.runtime.system())

"""The words of sharing: who may see or change a segment or campaign that not everybody may see."""

from typing import Literal

from pydantic import ConfigDict

from nexusone.kernel.contract import Contract, Id, Instant
from nexusone.modules.identity.contracts.members import RoleText

ObjectKind = Literal["segment", "campaign"]
Level = Literal["view", "edit"]


class NewGrant(Contract):
    """Either a member or a role, and what they may do. The first grant restricts the object to those who have one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "marketer", "level": "edit"}]})

    user_id: Id | None = None
    role: RoleText | None = None
    level: Level = "view"


class Grant(Contract):
    """One member or role that may see (`view`) or also change (`edit`) the object."""

    id: Id
    user_id: Id | None
    role: str | None
    level: Level
    created_at: Instant


class Grants(Contract):
    """All grants of an object; without any, everybody who may see its kind may see it."""

    items: list[Grant]

"""The words of API keys."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from nexusone.kernel.contract import Contract, Id, Instant, Name

Permission = Annotated[str, StringConstraints(pattern=r"^([a-z_]{2,40}:[a-z_]{2,40}|\*)$")]


NOT_A_NETWORK = "a network is an address with a prefix length and no bits beyond it, such as 203.0.113.0/24"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise PydanticCustomError("not_a_network", NOT_A_NETWORK) from error


Network = Annotated[str, StringConstraints(min_length=2, max_length=50), AfterValidator(_network)]
"""An IPv4 or IPv6 network in CIDR form; one address stands for itself."""

Networks = Annotated[list[Network], Field(max_length=50)]


class NewApiKey(Contract):
    """A key for machines, with no more permissions than its maker has; `expires_at` null: until revoked.

    A test key only ever reaches simulators; by default a key is of the kind of the deployment. From other addresses than
    those of `allowed_networks` it does not work; an empty list allows all.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Shop", "permissions": ["contacts:read", "contacts:write"], "expires_at": None}]}
    )

    name: Name
    mode: Literal["test", "live"] | None = None
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=100, default_factory=lambda: ["*"])]
    allowed_networks: Networks = Field(default_factory=list)
    expires_at: Instant | None = None


class ApiKeyChange(Contract):
    """What is to be different; permissions stay, because somebody may rely on their limit."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop", "allowed_networks": ["203.0.113.0/24"]}]})

    name: Name | None = None
    allowed_networks: Networks | None = None
    expires_at: Instant | None = None


class ApiKeyRotation(Contract):
    """For how many hours the old secret still works beside the new one; 0: not at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class ApiKey(Contract):
    """A key without its secret. `last_used_at` is true to the minute; the secret before a rotation works until `old_secret_until`."""

    id: Id
    name: str
    mode: Literal["test", "live"]
    permissions: list[str]
    allowed_networks: list[str]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    rotated_at: Instant | None
    old_secret_until: Instant | None
    last_used_at: Instant | None
    last_used_from: str | None


class IssuedApiKey(Contract):
    """A new key with its `secret`, which is shown this once; a replayed request shows null."""

    key: ApiKey
    secret: str | None

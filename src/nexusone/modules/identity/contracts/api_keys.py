"""The words of API keys."""

from typing import Annotated

from pydantic import Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name

Permission = Annotated[str, StringConstraints(pattern=r"^([a-z_]{2,40}:[a-z_]{2,40}|\*)$")]


class NewApiKey(Contract):
    """A key for machines, with no more permissions than its maker has; `expires_at` null: until revoked."""

    name: Name
    permissions: Annotated[list[Permission], Field(min_length=1, max_length=100, default_factory=lambda: ["*"])]
    expires_at: Instant | None = None


class ApiKey(Contract):
    """A key without its secret."""

    id: Id
    name: str
    permissions: list[str]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None


class IssuedApiKey(Contract):
    """A new key with its `secret`, which is shown this once; a replayed request shows null."""

    key: ApiKey
    secret: str | None

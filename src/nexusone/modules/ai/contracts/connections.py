"""The words of connections: a workspace's own accounts at AI vendors."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Instant, printable

Credential = Annotated[str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True), AfterValidator(printable)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,49}$")]
Address = Annotated[str, StringConstraints(min_length=8, max_length=500)]


class AiConnectionWish(Contract):
    """The account's `credentials`, by the fields that the vendor asks for; they are sealed and never shown again.

    `address` is another server that speaks the vendor's protocol, where the vendor allows one; it must be public.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"credentials": {"api_key": "the vendor's key"}}]})

    credentials: Annotated[dict[FieldName, Credential], Field(min_length=1, max_length=10)]
    address: Address | None = None


class AiConnectionTest(Contract):
    """Whether the vendor took the credentials: `working`, `refused` with its `code`, or `unknown` where it did not say."""

    result: Literal["working", "refused", "unknown"]
    code: str | None
    tested_at: Instant


class AiConnection(Contract):
    """A workspace's own account at a vendor: which fields it has, never what is in them."""

    fields: tuple[str, ...]
    address: str | None
    version: int
    created_at: Instant
    updated_at: Instant
    tested_at: Instant | None
    test_code: str | None


class AiVendor(Contract):
    """A vendor that can be connected, the fields that it asks for, and the connection where there is one.

    `kinds` is what is then made with the workspace's account, at the vendor's own bill.
    """

    vendor: str
    title: str
    kinds: tuple[str, ...]
    credential_fields: tuple[str, ...]
    optional_fields: tuple[str, ...]
    takes_address: bool
    connection: AiConnection | None

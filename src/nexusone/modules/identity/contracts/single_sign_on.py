"""The words of single sign-on: connections to identity providers, proofs of domains, and signing in through one."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name
from nexusone.modules.identity.contracts.accounts import EmailText

IssuerText = Annotated[str, StringConstraints(min_length=8, max_length=500, pattern=r"^https?://[\x21-\x7e]+$")]
ClientText = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x20-\x7e]+$")]
ReturnText = Annotated[str, StringConstraints(min_length=8, max_length=1000, pattern=r"^https?://[\x21-\x7e]+$")]
BindingText = Annotated[str, StringConstraints(min_length=10, max_length=300)]
DomainText = Annotated[
    str, StringConstraints(min_length=4, max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$")
]
Domains = Annotated[list[DomainText], Field(min_length=1, max_length=20)]
DefaultRole = Literal["admin", "marketer", "merchant", "analyst", "developer", "billing", "viewer"]


class NewSsoConnection(Contract):
    """A connection to an OpenID Connect provider. Its issuer and client are what identities belong to, and never change.

    Only people of the `domains` come in; `creates_members`: also those who are no members yet, with the `default_role`.
    `honours_mfa`: where the provider says it asked for a second factor (`amr`), none is asked for here.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Staff",
                    "issuer": "https://login.example.com",
                    "client_id": "nexusone",
                    "client_secret": "a secret of the provider",
                    "domains": ["example.com"],
                }
            ]
        }
    )

    name: Name
    issuer: IssuerText
    client_id: ClientText
    client_secret: ClientText
    domains: Domains
    default_role: DefaultRole = "viewer"
    creates_members: bool = True
    honours_mfa: bool = False


class SsoConnectionChange(Contract):
    """What shall be different; what is left out stays. A domain that is new has to be proved.

    `is_enforced`: members come in through this connection alone; owners keep their password with a second factor.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_enabled": True, "is_enforced": True}]})

    name: Name | None = None
    client_secret: ClientText | None = None
    domains: Domains | None = None
    default_role: DefaultRole | None = None
    creates_members: bool | None = None
    honours_mfa: bool | None = None
    is_enabled: bool | None = None
    is_enforced: bool | None = None


class SsoDomain(Contract):
    """A domain of a connection. It counts once `proof` was found as the text at `proof_url`."""

    domain: str
    proof: str
    proof_url: str
    proven_at: Instant | None


class SsoConnection(Contract):
    """A connection without its secret. `redirect_uri` is what the provider must know; it is this connection's alone."""

    id: Id
    name: str
    issuer: str
    client_id: str
    redirect_uri: str
    domains: list[SsoDomain]
    default_role: str
    creates_members: bool
    honours_mfa: bool
    is_enabled: bool
    is_enforced: bool
    version: int
    created_at: Instant
    updated_at: Instant


class SsoStart(Contract):
    """Through which connection somebody wants in: its id, or the address, whose domain tells it.

    `return_to` is where the browser goes in the end, at an address of the product's own; without it, to a plain page.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ada@example.com", "return_to": "https://app.example.com/welcome"}]}
    )

    connection_id: Id | None = None
    email: EmailText | None = None
    return_to: ReturnText | None = None


class SsoStepUp(Contract):
    """Where the browser goes once the person has proved themselves anew, as in a start."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"return_to": "https://app.example.com/security"}]})

    return_to: ReturnText | None = None


class SsoStarted(Contract):
    """Where the browser goes now. `binding` is also set as a cookie: only the browser that has it can come back."""

    authorization_url: str
    binding: str
    expires_in: int


class SsoFinish(Contract):
    """The start's `binding`, once the browser came back; null where the cookie goes along."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"binding": "0198c0de000070008000000000000000"}]})

    binding: BindingText | None = None

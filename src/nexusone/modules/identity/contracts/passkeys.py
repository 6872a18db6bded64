"""The words of passkeys, spelled as browsers spell them in `PublicKeyCredential.toJSON()`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Name
from nexusone.modules.identity.contracts.accounts import TokenText

Base64Url = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]*={0,2}$", max_length=100_000)]
CeremonyText = Annotated[str, StringConstraints(min_length=10, max_length=300)]
Attachment = Literal["platform", "cross-platform"]

PasskeyOptions = dict[str, JsonValue]
"""Options for `navigator.credentials`, in the JSON form that `parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` read."""


class Attested(Contract):
    """What an authenticator answers when it makes a credential."""

    client_data: Base64Url = Field(alias="clientDataJSON")
    attestation_object: Base64Url = Field(alias="attestationObject")
    authenticator_data: Base64Url | None = Field(default=None, alias="authenticatorData")
    public_key: Base64Url | None = Field(default=None, alias="publicKey")
    public_key_algorithm: int | None = Field(default=None, alias="publicKeyAlgorithm")
    transports: Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=20, default_factory=list)]


class PasskeyAttestation(Contract):
    """A new credential of a browser."""

    id: Base64Url
    raw_id: Base64Url = Field(alias="rawId")
    type: Literal["public-key"]
    response: Attested
    attachment: Attachment | None = Field(default=None, alias="authenticatorAttachment")
    extensions: dict[str, JsonValue] | None = Field(default=None, alias="clientExtensionResults")


class Asserted(Contract):
    """What an authenticator answers when it uses a credential."""

    client_data: Base64Url = Field(alias="clientDataJSON")
    authenticator_data: Base64Url = Field(alias="authenticatorData")
    signature: Base64Url
    user_handle: Base64Url | None = Field(default=None, alias="userHandle")


class PasskeyAssertion(Contract):
    """A credential of a browser, used."""

    id: Base64Url
    raw_id: Base64Url = Field(alias="rawId")
    type: Literal["public-key"]
    response: Asserted
    attachment: Attachment | None = Field(default=None, alias="authenticatorAttachment")
    extensions: dict[str, JsonValue] | None = Field(default=None, alias="clientExtensionResults")


class PasskeyCeremony(Contract):
    """What the browser is asked; `ceremony` goes with its answer, once, within `expires_in` seconds."""

    ceremony: str
    options: PasskeyOptions
    expires_in: int


class NewPasskey(Contract):
    """The browser's answer to a ceremony, and how its owner calls the passkey."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ceremony": "nxc_0198c0de000070008000000000000000_c2VjcmV0",
                    "name": "Laptop",
                    "credential": {
                        "id": "cGFzc2tleQ",
                        "rawId": "cGFzc2tleQ",
                        "type": "public-key",
                        "response": {"clientDataJSON": "e30", "attestationObject": "oA"},
                    },
                }
            ]
        }
    )

    ceremony: CeremonyText
    name: Name
    credential: PasskeyAttestation


class PasskeySignIn(Contract):
    """Signing in with a passkey alone; `workspace_id` chooses among several workspaces (default: the oldest)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ceremony": "nxc_0198c0de000070008000000000000000_c2VjcmV0",
                    "credential": {
                        "id": "cGFzc2tleQ",
                        "rawId": "cGFzc2tleQ",
                        "type": "public-key",
                        "response": {"clientDataJSON": "e30", "authenticatorData": "AAAA", "signature": "AAAA"},
                    },
                }
            ]
        }
    )

    ceremony: CeremonyText
    credential: PasskeyAssertion
    workspace_id: Id | None = None
    device: TokenText | None = None


class Passkey(Contract):
    """A passkey without its key. `is_synced`: it may be on several devices of its owner."""

    id: Id
    name: str
    is_synced: bool
    created_at: Instant
    used_at: Instant | None

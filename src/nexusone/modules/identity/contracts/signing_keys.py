"""The words of JSON Web Key sets."""

from typing import Literal

from nexusone.kernel.contract import Contract


class SigningKey(Contract):
    """The public half of one Ed25519 key (RFC 8037); `kid` is named in the head of the tokens it signed."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    alg: Literal["EdDSA"]
    use: Literal["sig"]
    kid: str
    x: str


class SigningKeySet(Contract):
    """All keys whose tokens are honoured, the one that signs now first."""

    keys: list[SigningKey]

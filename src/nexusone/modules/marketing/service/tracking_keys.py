"""The keys of tracking tokens: one per master key, named in a token by one byte."""

from hashlib import sha256

from nexusone.modules.marketing.domain.tokens import SigningKey
from nexusone.platform.vault import MasterKeys

PURPOSE = "tracking"


def signing_key(keys: MasterKeys) -> SigningKey:
    """The key that new tokens are signed with."""
    signing = keys.signing_keys(PURPOSE)
    return SigningKey(key_byte(signing.primary_id), signing.keys[signing.primary_id])


def verifying_keys(keys: MasterKeys) -> dict[int, SigningKey]:
    """All keys whose tokens are honoured, by the byte that names them; where two share a byte the primary has it."""
    signing = keys.signing_keys(PURPOSE)
    found = {key_byte(key_id): SigningKey(key_byte(key_id), secret) for key_id, secret in signing.keys.items()}
    return {**found, key_byte(signing.primary_id): signing_key(keys)}


def key_byte(key_id: str) -> int:
    """The same byte for the same key in every process."""
    return sha256(key_id.encode()).digest()[0]

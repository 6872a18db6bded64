"""Master keys: versioned 256-bit secrets from outside the database that wrap data keys and father signing keys."""

import base64
import binascii
import json
import re
import secrets
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nexusone.platform.signing import SigningKeys
from nexusone.platform.vault.errors import SealBroken, VaultLocked

KEY_BYTES = 32
NONCE_BYTES = 12
WRAP_VERSION = b"\x01"
KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
PURPOSE = re.compile(r"[a-z][a-z0-9_.-]{0,62}")


def hkdf(secret: bytes, label: str) -> bytes:
    """A 32-byte sub-key (HKDF-SHA256); different labels give unrelated keys."""
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=label.encode()).derive(secret)


class MasterKeys:
    """An immutable set of master keys by id. The primary wraps and signs; all of them unwrap and verify.

    Rotation: `with_key`, roll out, `with_primary`, roll out, `Vault.rewrap_all`, `without`. What was signed under a key
    stops verifying when it is retired, so a key is retired no sooner than the longest-lived link.
    """

    __slots__ = ("_keys", "_wrappers", "primary_id")

    def __init__(self, *, primary_id: str, keys: Mapping[str, bytes]) -> None:
        if primary_id not in keys:
            raise ValueError(f"the primary master key {primary_id!r} is not among the keys")
        for key_id, key in keys.items():
            if not KEY_ID.fullmatch(key_id):
                raise ValueError("a master key's id has 1 to 32 letters, digits, _ or -")
            if len(key) != KEY_BYTES:
                raise ValueError(f"master key {key_id!r} has {len(key)} bytes, not {KEY_BYTES}")
        self.primary_id = primary_id
        self._keys = dict(keys)
        self._wrappers = {key_id: AESGCM(hkdf(key, "nexusone/wrap/v1")) for key_id, key in keys.items()}

    @classmethod
    def fresh(cls) -> "MasterKeys":
        """One new random key, with an id no other deployment's key has."""
        key_id = f"k_{secrets.token_hex(6)}"
        return cls(primary_id=key_id, keys={key_id: secrets.token_bytes(KEY_BYTES)})

    @classmethod
    def from_json(cls, text: str) -> "MasterKeys":
        """Reads `{"primary": id, "keys": {id: base64 of 32 bytes}}`. Raises: ValueError, which repeats nothing of the text."""
        keys = _parse(text)
        if keys is None:
            raise ValueError('master keys are JSON like {"primary": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}')
        return cls(primary_id=keys[0], keys=keys[1])

    def to_json(self) -> str:
        """The inverse of `from_json`: secret."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self._keys.items()}
        return json.dumps({"primary": self.primary_id, "keys": keys}, indent=1)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    @property
    def founding_id(self) -> str:
        """The oldest key."""
        return next(iter(self._keys))

    def with_key(self, key_id: str, key: bytes | None = None) -> "MasterKeys":
        """The set and one more key (random unless given), not yet primary."""
        if key_id in self._keys:
            raise ValueError(f"master key {key_id!r} exists")
        added = secrets.token_bytes(KEY_BYTES) if key is None else key
        return MasterKeys(primary_id=self.primary_id, keys={**self._keys, key_id: added})

    def with_primary(self, key_id: str) -> "MasterKeys":
        """The set with that key as the one that wraps and signs."""
        return MasterKeys(primary_id=key_id, keys=self._keys)

    def without(self, key_id: str) -> "MasterKeys":
        """The set without that key. Raises: ValueError where it is primary or unknown. `Vault.retire` also asks the data."""
        if key_id == self.primary_id or key_id not in self._keys:
            raise ValueError(f"master key {key_id!r} is primary or unknown")
        return MasterKeys(primary_id=self.primary_id, keys={i: key for i, key in self._keys.items() if i != key_id})

    def wrap(self, secret: bytes, *, key_id: UUID, workspace_id: UUID, purpose: str) -> bytes:
        """Encrypts a data key with the primary, bound to its id, workspace and purpose."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        place = _place(self.primary_id, key_id, workspace_id, purpose)
        return WRAP_VERSION + nonce + self._wrappers[self.primary_id].encrypt(nonce, secret, place)

    def unwrap(self, wrapped: bytes, *, kek_id: str, key_id: UUID, workspace_id: UUID, purpose: str) -> bytes:
        """The data key. Raises: VaultLocked where the master key is missing, SealBroken where the wrapping is not ours."""
        wrapper = self._wrappers.get(kek_id)
        if wrapper is None:
            raise VaultLocked(key_ids=(kek_id,))
        nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
        secret = None
        if wrapped[:1] == WRAP_VERSION and len(sealed) == KEY_BYTES + 16:
            secret = _decrypt(wrapper, nonce, sealed, _place(kek_id, key_id, workspace_id, purpose))
        if secret is None:
            raise SealBroken(f"data key {key_id} of workspace {workspace_id} was not wrapped like this by master key {kek_id}")
        return secret

    def derive(self, purpose: str, context: str = "", *, key_id: str | None = None) -> bytes:
        """A 32-byte sub-key of the primary (or the named) master key, unrelated to any other purpose's or context's."""
        if not PURPOSE.fullmatch(purpose):
            raise ValueError("a purpose is lower-case letters, digits, _ . and -")
        return hkdf(self._keys[key_id or self.primary_id], f"nexusone/derive/v1|{purpose}|{context}")

    def derive_steady(self, purpose: str) -> bytes:
        """A sub-key of the oldest master key, which stays the same through rotations until that key is retired."""
        return self.derive(purpose, key_id=self.founding_id)

    def signing_keys(self, purpose: str) -> SigningKeys:
        """One sub-key per master key, for signing with the primary's and verifying with any."""
        return SigningKeys(self.primary_id, {key_id: self.derive(purpose, key_id=key_id) for key_id in self._keys})

    def __repr__(self) -> str:
        return f"MasterKeys(primary_id={self.primary_id!r}, ids={self.ids!r})"

    def __reduce__(self) -> str:
        raise TypeError("master keys are not pickled")


def _place(kek_id: str, key_id: UUID, workspace_id: UUID, purpose: str) -> bytes:
    return f"dek|{workspace_id}|{purpose}|{key_id}|{kek_id}".encode()


def _decrypt(key: AESGCM, nonce: bytes, sealed: bytes, place: bytes) -> bytes | None:
    try:
        return key.decrypt(nonce, sealed, place)
    except InvalidTag:
        return None


def _parse(text: str) -> tuple[str, dict[str, bytes]] | None:
    # A JSON error keeps the whole document, so it must not become any exception's context.
    try:
        read = json.loads(text)
        keys = {str(key_id): base64.b64decode(key, validate=True) for key_id, key in read["keys"].items()}
        return str(read["primary"]), keys
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return None

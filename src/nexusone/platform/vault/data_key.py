"""A data key in memory: seals and opens fields, and makes blind indexes. Never leaves the process."""

import hashlib
import hmac
import re
from collections.abc import Callable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nexusone.platform.vault.errors import SealBroken
from nexusone.platform.vault.master_keys import KEY_BYTES, NONCE_BYTES, hkdf

SEAL_VERSION = b"\x01"
HEADER_BYTES = 1 + 16
OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + 16
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_.]{0,126}")


class DataKey:
    """The key of one workspace (or data subject). Sealed: version byte, key id (16), nonce (12), AES-256-GCM ciphertext and tag.

    With random nonces a key is good for 2^32 seals; a workspace's secrets and personal fields stay far below.
    """

    __slots__ = ("_aead", "_index", "id", "workspace_id")

    def __init__(self, *, key_id: UUID, workspace_id: UUID, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes")
        self.id, self.workspace_id = key_id, workspace_id
        self._aead = AESGCM(hkdf(secret, "nexusone/seal/v1"))
        self._index = hkdf(secret, "nexusone/index/v1")

    def seal(self, plaintext: bytes, *, table: str, column: str, row_id: UUID | str, random: Callable[[int], bytes]) -> bytes:
        """The ciphertext, bound to the place."""
        nonce = random(NONCE_BYTES)
        return SEAL_VERSION + self.id.bytes + nonce + self._aead.encrypt(nonce, plaintext, self._place(table, column, row_id))

    def open(self, sealed: bytes, *, table: str, column: str, row_id: UUID | str) -> bytes:
        """The plaintext. Raises: SealBroken."""
        plaintext = None
        if sealed[:HEADER_BYTES] == SEAL_VERSION + self.id.bytes and len(sealed) >= OVERHEAD_BYTES:
            nonce, body = sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES], sealed[HEADER_BYTES + NONCE_BYTES :]
            plaintext = _decrypt(self._aead, nonce, body, self._place(table, column, row_id))
        if plaintext is None:
            raise SealBroken(f"{table}.{column} of row {row_id} does not open with key {self.id} of workspace {self.workspace_id}")
        return plaintext

    def blind_index(self, normalised: str, *, field: str) -> bytes:
        """32 bytes equal for equal values of the same field in this workspace only: HMAC-SHA256."""
        if not IDENTIFIER.fullmatch(field):
            raise ValueError("a field is a lower-case identifier")
        return hmac.digest(self._index, f"{field}|{normalised}".encode(), hashlib.sha256)

    def _place(self, table: str, column: str, row_id: UUID | str) -> bytes:
        # Only the row may contain a bar, and what follows it has a fixed length: no two places spell the same.
        if not (IDENTIFIER.fullmatch(table) and IDENTIFIER.fullmatch(column)):
            raise ValueError("table and column are lower-case identifiers")
        return f"{self.workspace_id}|{table}|{column}|{row_id}|{SEAL_VERSION.hex()}{self.id.hex}".encode()

    def __repr__(self) -> str:
        return f"DataKey(id={self.id}, workspace_id={self.workspace_id})"

    def __reduce__(self) -> str:
        raise TypeError("data keys are not pickled")


def _decrypt(key: AESGCM, nonce: bytes, body: bytes, place: bytes) -> bytes | None:
    try:
        return key.decrypt(nonce, body, place)
    except InvalidTag:
        return None

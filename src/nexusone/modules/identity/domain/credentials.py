"""Credentials in text form: each names its row (API keys and refresh tokens also the workspace) before its secret."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

API_KEY = re.compile(r"^nx_(test|live)_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
ONE_TIME_TOKEN = re.compile(r"^(nxv|nxp|nxd|nxo)_([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")
REFRESH_TOKEN = re.compile(r"^nxr_([0-9a-f]{32})([0-9a-f]{32})_([A-Za-z0-9_-]{43})\Z")

TokenKind = Literal["nxv", "nxp", "nxd", "nxo"]
"""Verification of an address, password reset, known device, an operator's attempt to sign in."""


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Which row a credential belongs to, and the digest its secret must have."""

    workspace_id: UUID
    id: UUID
    digest: bytes


@dataclass(frozen=True, slots=True)
class TokenReference:
    """The same for rows of no workspace."""

    id: UUID
    digest: bytes


def write_api_key(*, mode: str, workspace_id: UUID, key_id: UUID, secret: str) -> str:
    """The text of an API key; `mode` is test or live."""
    return f"nx_{mode}_{workspace_id.hex}{key_id.hex}_{secret}"


def read_api_key(text: str) -> tuple[str, SecretReference] | None:
    """The mode and the reference of an API key, or None for anything else."""
    found = API_KEY.match(text)
    if found is None:
        return None
    mode, workspace, key, secret = found.groups()
    return mode, SecretReference(UUID(workspace), UUID(key), digest_of(secret))


def write_refresh_token(*, workspace_id: UUID, session_id: UUID, secret: str) -> str:
    """The text of a refresh token."""
    return f"nxr_{workspace_id.hex}{session_id.hex}_{secret}"


def read_refresh_token(text: str) -> SecretReference | None:
    """The reference of a refresh token, or None for anything else."""
    found = REFRESH_TOKEN.match(text)
    if found is None:
        return None
    workspace, session, secret = found.groups()
    return SecretReference(UUID(workspace), UUID(session), digest_of(secret))


def write_one_time_token(*, kind: TokenKind, token_id: UUID, secret: str) -> str:
    """The text of a token that names a row of no workspace."""
    return f"{kind}_{token_id.hex}_{secret}"


def read_one_time_token(text: str, *, kind: TokenKind) -> TokenReference | None:
    """The reference of a token of that kind, or None for anything else."""
    found = ONE_TIME_TOKEN.match(text)
    if found is None or found[1] != kind:
        return None
    return TokenReference(UUID(found[2]), digest_of(found[3]))


def digest_of(secret: str) -> bytes:
    """What is stored of a secret of full entropy: its SHA-256."""
    return hashlib.sha256(secret.encode()).digest()


def is_same(one: bytes, other: bytes) -> bool:
    """Compares digests in constant time."""
    return hmac.compare_digest(one, other)

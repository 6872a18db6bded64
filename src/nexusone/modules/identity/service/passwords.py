"""Hashing passwords with argon2id, in a pool that leaves a core of the machine to others."""

import asyncio
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from nexusone.kernel.errors import FieldError, Unavailable
from nexusone.modules.identity.domain.passwords import WORD_LENGTH_MIN, password_faults
from nexusone.modules.identity.settings import IdentitySettings

A = TypeVarTuple("A")
R = TypeVar("R")

WAITING_MAX = 200
KNOWN_PASSWORDS = Path(__file__).parent / "known_passwords.txt"

# One core is left to those who do not sign in: with all of them taken, every other answer waits for guesses.
POOL_SIZE = max(1, (os.cpu_count() or 1) - 1)

_pool = ThreadPoolExecutor(max_workers=POOL_SIZE, thread_name_prefix="argon2")
_waiting = 0


async def hash_password(password: str, *, settings: IdentitySettings) -> str:
    """The argon2id hash, with its parameters in it."""
    return await _in_pool(_hasher(settings).hash, password)


async def is_password(password: str, hashed: str | None, *, settings: IdentitySettings) -> bool:
    """Whether a password has this hash; without a hash it works as long and says no."""
    # Made in every case: only at its first use does it take time, and that must not tell that it was needed.
    dummy = _dummy_hash(settings)
    return await _in_pool(_verify, _hasher(settings), hashed or dummy, password) and hashed is not None


def is_outdated(hashed: str, *, settings: IdentitySettings) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher(settings).check_needs_rehash(hashed)


def password_faults_of(password: str, *, settings: IdentitySettings, email: str, name: str) -> tuple[FieldError, ...]:
    """Why a password is refused, by the rules and the list of common ones."""
    return password_faults(password, length_min=settings.password_length_min, email=email, name=name, common=_known_passwords())


@lru_cache(maxsize=1)
def _known_passwords() -> frozenset[str]:
    return frozenset(word for word in KNOWN_PASSWORDS.read_text(encoding="utf-8").split() if len(word) >= WORD_LENGTH_MIN)


def _verify(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=8)
def _hasher(settings: IdentitySettings) -> PasswordHasher:
    return PasswordHasher(time_cost=settings.argon2_iterations, memory_cost=settings.argon2_memory_kib, parallelism=settings.argon2_lanes)


@lru_cache(maxsize=8)
def _dummy_hash(settings: IdentitySettings) -> str:
    return _hasher(settings).hash(secrets.token_urlsafe(16))


async def _in_pool(work: Callable[[Unpack[A]], R], *arguments: *A) -> R:
    global _waiting
    if _waiting >= WAITING_MAX:
        raise Unavailable(headers={"Retry-After": "2"})
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work, *arguments)
    finally:
        _waiting -= 1

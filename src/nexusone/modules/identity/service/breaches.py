"""Choosing a password: what the rules, the list of common ones and a list of breached ones say against it."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nexusone.kernel.errors import FieldError
from nexusone.modules.identity.domain.passwords import BREACH_PREFIX_LENGTH, breach_range
from nexusone.modules.identity.ports import BreachedPasswords
from nexusone.modules.identity.service.passwords import password_faults_of
from nexusone.modules.identity.settings import IdentitySettings
from nexusone.platform.runtime import Context

DIGEST_LENGTH = 40
LINE_LENGTH_MAX = 100
# Twice what the fullest range of the largest list in circulation holds.
RANGE_LINES_MAX = 5000


async def faults_of(ctx: Context, *, password: str, email: str, name: str) -> tuple[FieldError, ...]:
    """Why a password is refused. No transaction may be open: a list may be far away."""
    faults = password_faults_of(password, settings=ctx.setting(IdentitySettings), email=email, name=name)
    if faults:
        return faults
    prefix, suffix = breach_range(password)
    if suffix not in await ctx.port(BreachedPasswords).suffixes_under(prefix):
        return ()
    return (FieldError(pointer="/password", code="breached", detail="this password was stolen from another service and is known"),)


@dataclass(frozen=True, slots=True)
class BreachFile:
    """BreachedPasswords in a file: a line each, sorted, an upper-case SHA-1 in hexadecimal and whatever follows a colon.

    Without a file it knows none.
    """

    path: Path | None

    async def suffixes_under(self, prefix: str) -> frozenset[str]:
        """See the port."""
        if self.path is None:
            return frozenset()
        return await asyncio.to_thread(_read_range, self.path, prefix.encode("ascii"))


def _read_range(path: Path, prefix: bytes) -> frozenset[str]:
    found = set()
    with path.open("rb") as file:
        _go_to(file, prefix)
        for _ in range(RANGE_LINES_MAX):
            line = file.readline(LINE_LENGTH_MAX).upper()
            if not line.startswith(prefix):
                break
            found.add(line[BREACH_PREFIX_LENGTH:DIGEST_LENGTH].decode("ascii", "replace"))
    return frozenset(found)


def _go_to(file: BinaryIO, prefix: bytes) -> None:
    """Puts the file at the first line that is not before the prefix."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        start = _line_start(file, middle)
        line = file.readline(LINE_LENGTH_MAX)
        if line and line[: len(prefix)].upper() < prefix:
            low = start + len(line)
        else:
            high = middle
    _line_start(file, low)


def _line_start(file: BinaryIO, at: int) -> int:
    # The line that begins at `at` or, where none does, the next one.
    if at == 0:
        return file.seek(0)
    file.seek(at - 1)
    file.readline(LINE_LENGTH_MAX)
    return file.tell()

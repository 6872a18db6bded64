"""Which processes live: a pid alone may have been given to somebody else since, a pid with its start has not."""

import os
import re
import subprocess
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


def start_mark(pid: int) -> str | None:
    """A word that tells this process from every other with the same pid; None if it is gone or a zombie."""
    return _mark_by_proc(pid) if _has_proc() else mark_by_ps(pid)


def command_line(pid: int) -> str:
    """The arguments of a process in one line; empty if it is gone."""
    if not _has_proc():
        return _ps(pid, "command=", locale="en_US.UTF-8")
    try:
        return os.fsdecode((_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ")).strip()
    except OSError:
        return ""


def mark_by_ps(pid: int) -> str | None:
    """The same for systems without /proc."""
    found = _ps(pid, "stat=,lstart=", locale="C")
    if not found or found.startswith("Z"):
        return None
    return re.sub(r"\W", "", found.split(maxsplit=1)[1])


@cache
def _has_proc() -> bool:
    return (_PROC / "self" / "stat").exists()


@cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return ""


def _mark_by_proc(pid: int) -> str | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # the name in brackets may hold anything, brackets too; state and start follow it as fields 3 and 22
    fields = stat.rpartition(")")[2].split()
    # ticks since boot, not the time of day: a clock that is set must not make a living process look dead
    return None if fields[0] in "ZX" else f"{_boot()}{fields[19]}"


def _ps(pid: int, columns: str, *, locale: str) -> str:
    asked = ["/bin/ps", "-ww", "-o", columns, "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False, env={"LC_ALL": locale}).stdout.strip()  # noqa: S603

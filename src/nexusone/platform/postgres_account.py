"""The system account PostgreSQL runs under. It refuses to run as root, so root lends it an account of its own.

Folders on the way that shut the account out get an access entry for this one account to pass through, not to list or read.
"""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_NAME = "nexusone"
_FALLBACK_NAMES = ("postgres", "nobody")
_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
# what timeout(1) answers
_TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server; `is_switched` when that is not who runs this process."""

    uid: int
    gid: int
    is_switched: bool

    def run(self, arguments: Sequence[str | Path], *, timeout_seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command under the account, with none of this process's environment (it may hold secrets).

        Failing or taking too long shows in the return code and on stderr.
        """
        command = [str(argument) for argument in arguments]
        try:
            return self._run(command, timeout_seconds)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, _TIMED_OUT, "", f"{command[0]} did not end within {timeout_seconds:.0f} s")

    def _run(self, command: list[str], timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            umask=0o077,
            timeout=timeout_seconds,
            start_new_session=True,
            user=self.uid if self.is_switched else None,
            group=self.gid if self.is_switched else None,
            extra_groups=[] if self.is_switched else None,
        )

    def make_folder(self, path: Path) -> None:
        """A folder only this account (and root) can enter."""
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        self.take(path)

    def take(self, path: Path) -> None:
        """Makes the account the owner of a file."""
        if self.is_switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def open_way(self, path: Path) -> None:
        """Lets the account reach `path`; raises OSError if the file system does not allow it."""
        if not self.is_switched or self._reaches(path):
            return
        for folder in reversed((path, *path.parents)):
            if folder.is_dir() and not self._reaches(folder):
                _let_through(folder, self.uid)

    def _reaches(self, path: Path) -> bool:
        return self.run(["/usr/bin/env", "test", "-x", path]).returncode == 0


def account_for(cluster: Path) -> Account:
    """The owner of an existing cluster; for a new one this process's user, or if that is root an account made for it."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_switched=False)
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, is_switched=True)
    entry = _find_entry(ACCOUNT_NAME) or _make_entry() or _find_fallback()
    return Account(entry.pw_uid, entry.pw_gid, is_switched=True)


def _find_entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _make_entry() -> pwd.struct_passwd | None:
    no_login = shutil.which("nologin", path="/usr/sbin:/sbin:/usr/bin:/bin") or "/bin/false"
    for tool, options in (("useradd", ["--system", "--user-group", "--no-create-home", "--shell"]), ("adduser", ["-S", "-D", "-H", "-s"])):
        if found := shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin"):
            subprocess.run([found, *options, no_login, ACCOUNT_NAME], capture_output=True, check=False, timeout=30)  # noqa: S603
        if entry := _find_entry(ACCOUNT_NAME):
            return entry
    return None


def _find_fallback() -> pwd.struct_passwd:
    for name in _FALLBACK_NAMES:
        if (entry := _find_entry(name)) and entry.pw_uid != 0:
            return entry
    raise PermissionError(f"PostgreSQL cannot run as root and no account {ACCOUNT_NAME!r} could be made")


def _let_through(folder: Path, uid: int) -> None:
    try:
        os.setxattr(folder, _ACL, _with_passage(_entries(folder), uid))
    except (AttributeError, OSError):
        # no access lists here (macOS, some network file systems): all accounts may then pass, but still not list
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)


def _entries(folder: Path) -> dict[tuple[int, int], int]:
    mode = folder.stat().st_mode
    if _ACL not in os.listxattr(folder):
        return {(_USER_OBJ, _NO_ID): mode >> 6 & 7, (_GROUP_OBJ, _NO_ID): mode >> 3 & 7, (_OTHER, _NO_ID): mode & 7}
    return {(tag, owner): allowed for tag, allowed, owner in struct.iter_unpack("<HHI", os.getxattr(folder, _ACL)[4:])}


def _with_passage(entries: dict[tuple[int, int], int], uid: int) -> bytes:
    entries[_USER, uid] = entries.get((_USER, uid), 0) | 1
    entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OBJ, _NO_ID]) | 1
    packed = (struct.pack("<HHI", tag, allowed, owner) for (tag, owner), allowed in sorted(entries.items()))
    return struct.pack("<I", _ACL_VERSION) + b"".join(packed)

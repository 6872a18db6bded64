"""Under whose account the embedded PostgreSQL runs, and how living processes are told from dead ones."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import nexusone
from nexusone.platform.postgres_account import Account, account_for
from nexusone.platform.processes import mark_by_ps, start_mark

SOURCES = Path(nexusone.__file__).parents[1]
USER = """
import sys
from pathlib import Path
from nexusone.platform.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), is_durable=False)
server.start()
print(server.is_running)
server.stop()
print(server.is_running)
"""
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root: the server runs under this very user, nothing to lend")
only_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        yield Path(folder) / "data"


@only_proc
def test_a_process_is_told_from_a_later_one_with_its_pid() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        mark = start_mark(process.pid)
        assert mark is not None
        assert mark == start_mark(process.pid) != start_mark(os.getpid())
        assert mark_by_ps(process.pid)
        process.kill()
        deadline = time.monotonic() + 10
        while start_mark(process.pid) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert mark_by_ps(process.pid) is None
    assert start_mark(process.pid) is None


@only_root
def test_the_account_may_pass_through_a_closed_folder_but_not_list_it(data: Path) -> None:
    account = account_for(data / "cluster")
    inner = data / "closed" / "inner"
    inner.mkdir(parents=True)
    (data / "closed").chmod(0o700)
    account.open_way(inner)
    assert account.run(["test", "-x", inner]).returncode == 0
    assert account.run(["ls", data / "closed"]).returncode != 0
    stranger = Account(account.uid + 12345, account.gid + 12345, is_switched=True)
    assert stranger.run(["test", "-x", data / "closed" / "inner"]).returncode != 0


@only_root
def test_the_account_of_an_existing_cluster_is_its_owner(data: Path) -> None:
    data.mkdir()
    os.chown(data, 23456, 23457)
    assert account_for(data) == Account(23456, 23457, is_switched=True)


@only_root
def test_a_normal_user_can_run_it_too() -> None:
    path = os.pathsep.join((str(SOURCES), sysconfig.get_path("purelib")))
    python = find_python_for("nobody", path)
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        shutil.chown(folder, "nobody")
        started = subprocess.run(
            [python, "-c", USER, Path(folder) / "data"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": path},
            user="nobody",
            extra_groups=[],
            timeout=60,
            check=False,
        )
        assert started.returncode == 0, started.stderr
        owner = (Path(folder) / "data" / "cluster").owner()
        assert owner == "nobody"
        assert started.stdout.split() == ["True", "False"]


def find_python_for(user: str, path: str) -> str:
    found = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/local/bin:/usr/bin")
    for python in filter(None, (sys.executable, found)):
        with suppress(PermissionError):
            probe = [python, "-c", "import nexusone.platform.postgres as p; p.EmbeddedPostgres(p.Path('/x')).version"]
            if (
                subprocess.run(probe, env={"PYTHONPATH": path}, user=user, extra_groups=[], capture_output=True, check=False).returncode
                == 0
            ):
                return python
    pytest.skip(f"{user} can reach neither {sys.executable} nor another Python with these packages")

"""The doctor's checks, each on a good and on a bad machine."""

import os
import socket
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from nexusone.kernel.clock import MovedClock
from nexusone.platform import checks
from nexusone.platform.checks import Check, check_environment
from nexusone.platform.postgres import EmbeddedPostgres
from nexusone.platform.postgres_cluster import find_binaries


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        server = EmbeddedPostgres(Path(folder) / "data", is_durable=False)
        server.start()
        with psycopg.connect(server.admin_url(), autocommit=True) as connection:
            connection.execute("create role app login")
            connection.execute("create role lifted login bypassrls")
        try:
            yield server
        finally:
            server.stop()


def failing(found: list[Check]) -> list[str]:
    return [check.name for check in found if not check.is_ok]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_this_machine_is_fit_and_checking_changes_nothing(tmp_path: Path) -> None:
    found = check_environment(data=tmp_path / "data", database_url=None, ports=[free_port()])
    assert failing(found) == []
    assert {check.mend for check in found} == {""}
    assert not (tmp_path / "data").exists()


def test_a_machine_with_a_fit_database_of_its_own_is_fit(server: EmbeddedPostgres, tmp_path: Path) -> None:
    found = check_environment(data=tmp_path, database_url=server.url("app", None, "postgres"), ports=[])
    assert failing(found) == []
    assert "Embedded PostgreSQL" not in [check.name for check in found]


def test_every_failing_check_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    bad = [
        checks.check_python((3, 10)),
        checks.check_binaries(None),
        checks.check_binaries(tmp_path),
        checks.check_disk(tmp_path, wanted_bytes=2**70),
        checks.check_memory(256 * 1024**2),
        checks.check_socket(tmp_path / ("x" * 120)),
        checks.check_time_zones(["UTC", "Mars/Olympus"]),
        checks.check_clock(datetime(1970, 1, 2, tzinfo=UTC)),
        checks.check_clock(datetime(2199, 1, 1, tzinfo=UTC)),
        *checks.check_database("no address", clock=MovedClock(datetime.now(UTC))),
    ]
    for check in bad:
        assert not check.is_ok, check
        assert check.found, check
        assert check.mend, check


def test_an_old_python_is_named() -> None:
    assert checks.check_python((3, 10)).found == "3.10"
    assert checks.check_python((4, 0)).is_ok


def test_programs_that_may_not_be_run_are_named(tmp_path: Path) -> None:
    real = find_binaries()
    assert real is not None
    assert checks.check_binaries(real).is_ok
    for program in ("postgres", "initdb", "pg_ctl", "pg_dump", "psql"):
        (tmp_path / program).touch(mode=0o755 if program != "initdb" else 0o644)
    check = checks.check_binaries(tmp_path)
    assert not check.is_ok
    assert check.found.startswith("initdb in ")
    assert "chmod" in check.mend


def test_a_port_in_use_is_found_and_free_again_after(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        check = checks.check_port(port)
        assert (check.is_ok, check.found) == (False, "in use")
        assert str(port) in check.mend
    assert checks.check_port(port).is_ok


def test_a_data_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not checks.check_writable(tmp_path / "file" / "data").is_ok


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "chown" in checks.check_writable(tmp_path / "locked").mend


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
def test_a_folder_where_no_file_can_be_made_is_refused() -> None:
    check = checks.check_writable(Path("/proc/self"))
    assert not check.is_ok
    assert "another data folder" in check.mend


def test_a_login_that_only_lifts_row_level_security_is_refused(server: EmbeddedPostgres) -> None:
    found = checks.check_database(server.url("lifted", None, "postgres"))
    assert failing(found) == ["Database login"]
    login_check = next(check for check in found if check.name == "Database login")
    assert "row-level security" in login_check.found
    assert "alter role lifted nobypassrls" in login_check.mend


def test_an_administrators_login_is_fine_because_it_only_migrates(server: EmbeddedPostgres) -> None:
    found = checks.check_database(server.url("postgres", None, "postgres"))
    assert failing(found) == []
    assert "used to migrate" in next(check for check in found if check.name == "Database login").found


def test_a_database_that_does_not_answer_is_reported_once() -> None:
    found = checks.check_database(f"postgresql://app:hidden-word@127.0.0.1:{free_port()}/nexusone")
    assert failing(found) == ["Database"] == [check.name for check in found]


def test_no_check_repeats_the_password() -> None:
    for address in (f"postgresql://app:hidden-word@127.0.0.1:{free_port()}/x", "app:hidden-word@127.0.0.1/x"):
        assert "hidden-word" not in repr(checks.check_database(address))


def test_clocks_that_differ_are_reported(server: EmbeddedPostgres) -> None:
    late = MovedClock(datetime.now(UTC) + timedelta(minutes=5))
    assert failing(checks.check_database(server.url("app", None, "postgres"), clock=late)) == ["Database clock"]

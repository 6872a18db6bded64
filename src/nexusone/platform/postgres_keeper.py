"""Keeps watch beside an embedded PostgreSQL and stops it when everyone who used it was killed before leaving.

Run as `python -m nexusone.platform.postgres_keeper <data folder>`; one per folder, it ends with the server.
"""

import fcntl
import sys
import time
from contextlib import suppress
from pathlib import Path

from nexusone.platform.postgres import EmbeddedPostgres

_ROUND_SECONDS = 2.0


def keep(data: Path, *, round_seconds: float = _ROUND_SECONDS) -> None:
    """Returns when no server runs on the folder any more, or at once if another keeper watches it or it is gone."""
    server = EmbeddedPostgres(data)
    # the lock file is there, its maker started this; if not, the folder was deleted meanwhile
    with suppress(FileNotFoundError, BlockingIOError), (data / "keeper.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        while not server.stop_if_unused():
            time.sleep(round_seconds)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))

"""A database that had no time for an import's first try: the job comes again by itself."""

import pytest
from tests.modules.audience.companies import HEADER, Company

from nexusone.modules.audience.service import import_run
from nexusone.platform.database import DatabaseUnavailable


async def test_an_import_whose_first_try_found_the_database_busy_comes_again(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    take, refusals = import_run._take_file, [DatabaseUnavailable(reason="a statement took too long")]

    async def take_later(*args: object) -> None:
        if refusals:
            raise refusals.pop()
        await take(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(import_run, "_take_file", take_later)
    queued = await company.queue_import(f"{HEADER}\nc1,ada@example.com,,Ada,Lovelace,en,Europe/London,GB\n".encode())
    await company.drain()
    assert (await company.import_of(queued["id"]))["status"] == "succeeded"

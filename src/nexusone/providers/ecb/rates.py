"""ExchangeRates from the bank's reference rates, read as CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode, urlsplit

from nexusone.kernel.outcomes import DefiniteFailure
from nexusone.modules.billing.ports import DailyRate
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.provider import ProviderSetup

SOURCE = "ecb"
REFERENCE = "EUR"
# Daily rates of all currencies against the euro, spot, averages.
SERIES = "/service/data/EXR/D..EUR.SP00.A"
PICO = 10**12


class EcbRates:
    """The rates at one address."""

    source = SOURCE

    def __init__(self, *, http: OutgoingHttp, address: str) -> None:
        self._http, self._address = http, address

    async def rates(self, *, since: date, until: date) -> list[DailyRate]:
        """See ExchangeRates; on weekends and holidays nothing is published."""
        asked = urlencode({"startPeriod": since.isoformat(), "endPeriod": until.isoformat(), "format": "csvdata", "detail": "dataonly"})
        answer = await self._http.request("GET", f"{self._address}{SERIES}?{asked}", headers={"Accept": "text/csv"})
        if answer.status == 404:
            # No series has an observation in those days.
            return []
        if answer.status != 200:
            is_retryable = answer.status == 429 or answer.status >= 500
            raise DefiniteFailure(code="rates.refused", detail=f"status {answer.status}", is_retryable=is_retryable)
        return list(_read(answer.body.decode("utf-8", "replace")))

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.close()


def build_rates(setup: ProviderSetup) -> EcbRates:
    """The rates at the address of the setup."""
    parts = urlsplit(setup.address)
    reach = sandbox_reach(f"{parts.scheme}://{parts.netloc}") if setup.is_sandbox else LIVE
    return EcbRates(http=OutgoingHttp(reach), address=setup.address)


def _read(text: str) -> Iterator[DailyRate]:
    rows = csv.DictReader(io.StringIO(text))
    if not {"CURRENCY", "TIME_PERIOD", "OBS_VALUE"} <= set(rows.fieldnames or ()):
        raise DefiniteFailure(code="rates.unreadable", detail="not a table of rates", is_retryable=True)
    for row in rows:
        try:
            value, day = Decimal(row["OBS_VALUE"]), date.fromisoformat(row["TIME_PERIOD"])
        except (InvalidOperation, ValueError):
            # A day without a value is written as NaN or left empty.
            continue
        if value.is_finite() and 0 < value < 10**6:
            yield DailyRate(REFERENCE, row["CURRENCY"], day, int((value * PICO).to_integral_value()))

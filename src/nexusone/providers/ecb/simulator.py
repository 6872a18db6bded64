"""Reference rates for the sandbox: the same for a currency and day whenever asked, none on weekends."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup

DAYS_MAX = 400
COLUMNS = ("KEY", "FREQ", "CURRENCY", "CURRENCY_DENOM", "EXR_TYPE", "EXR_SUFFIX", "TIME_PERIOD", "OBS_VALUE")
LEVELS = {
    "AUD": "1.7650",
    "BRL": "6.3120",
    "CAD": "1.6130",
    "CHF": "0.9320",
    "CNY": "8.2410",
    "CZK": "24.310",
    "DKK": "7.4671",
    "GBP": "0.8734",
    "HUF": "385.20",
    "ILS": "3.7810",
    "INR": "103.44",
    "JPY": "178.90",
    "KRW": "1688.4",
    "MXN": "21.340",
    "NOK": "11.7260",
    "PLN": "4.2380",
    "RON": "5.0910",
    "SEK": "10.9350",
    "SGD": "1.5060",
    "TRY": "49.120",
    "USD": "1.1585",
    "ZAR": "20.180",
}


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app())


def build_app() -> Starlette:
    """The simulator's app."""
    return Starlette(routes=[Route("/service/data/EXR/D..EUR.SP00.A", _show)])


async def _show(request: Request) -> Response:
    try:
        since = date.fromisoformat(request.query_params.get("startPeriod", ""))
        until = date.fromisoformat(request.query_params.get("endPeriod", ""))
    except ValueError:
        return PlainTextResponse("Invalid period", 400)
    days = [since + timedelta(days=step) for step in range(min(DAYS_MAX, (until - since).days + 1))]
    open_days = [day for day in days if day.isoweekday() < 6]
    if not open_days:
        return PlainTextResponse("No results found.", 404)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for currency, level in LEVELS.items():
        for day in open_days:
            key = f"EXR.D.{currency}.EUR.SP00.A"
            writer.writerow([key, "D", currency, "EUR", "SP00", "A", day.isoformat(), _value(Decimal(level), day)])
    return PlainTextResponse(text.getvalue(), media_type="text/csv")


def _value(level: Decimal, day: date) -> Decimal:
    # A small wave, so that days differ and tests can foretell them.
    return level + level.scaleb(-3) * Decimal(day.toordinal() % 7) / 10

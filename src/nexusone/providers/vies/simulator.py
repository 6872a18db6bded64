"""The register for the sandbox. What an id ends in decides: 000 is invalid, 999 a register that is away, 998 one that answers nonsense.

`GET /_asked` shows what was asked.
"""

from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from nexusone.platform.provider import SimulatorParts, SimulatorSetup

ASKED_MAX = 1000


def simulate(setup: SimulatorSetup) -> SimulatorParts:
    """The simulator; it keeps nothing in `setup.data`."""
    return SimulatorParts(app=build_app())


def build_app() -> Starlette:
    """The simulator's app."""
    asked: list[dict[str, Any]] = []

    async def check(request: Request) -> Response:
        body = await request.json()
        del asked[: max(0, len(asked) - ASKED_MAX + 1)]
        asked.append(body)
        return _answer(body)

    async def show(_: Request) -> Response:
        return JSONResponse(asked)

    return Starlette(routes=[Route("/check-vat-number", check, methods=["POST"]), Route("/_asked", show)])


def _answer(body: dict[str, Any]) -> Response:
    country, number = str(body.get("countryCode", "")), str(body.get("vatNumber", ""))
    if number.endswith("999"):
        return JSONResponse({"actionSucceed": False, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]}, 500)
    if number.endswith("998"):
        return PlainTextResponse("<html>Service Temporarily Unavailable</html>", 200)
    if not country or not number.isalnum():
        return JSONResponse({"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]}, 400)
    is_valid = not number.endswith("000")
    has_asker = bool(body.get("requesterNumber"))
    return JSONResponse(
        {
            "countryCode": country,
            "vatNumber": number,
            "requestDate": datetime.now(UTC).isoformat(),
            "valid": is_valid,
            "requestIdentifier": f"WAPIAAAA{abs(hash((country, number))) % 10**8:08d}" if has_asker and is_valid else "",
            "name": f"{country} {number} LTD" if is_valid else "---",
            "address": "---",
            "traderName": "---",
            "traderStreet": "---",
            "traderPostalCode": "---",
            "traderCity": "---",
            "traderCompanyType": "---",
            "traderNameMatch": "NOT_PROCESSED",
            "traderStreetMatch": "NOT_PROCESSED",
            "traderPostalCodeMatch": "NOT_PROCESSED",
            "traderCityMatch": "NOT_PROCESSED",
            "traderCompanyTypeMatch": "NOT_PROCESSED",
        }
    )

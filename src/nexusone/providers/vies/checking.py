"""A VatIdChecker over VIES. The registers behind it are often away; whatever is no answer is `unknown`."""

import json
from typing import Any
from urllib.parse import urlsplit

import structlog

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.billing.ports import VatIdAnswer
from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.provider import ProviderSetup

UNKNOWN = VatIdAnswer("unknown")
PREFIX_LENGTH = 2
# Only these words mean that the register was asked and does not know the id.
SAYS_INVALID = frozenset({"INVALID_INPUT"})

_log = structlog.get_logger(__name__)


class ViesChecker:
    """Asks `POST /check-vat-number`; the asker's own id gets a receipt with each valid answer."""

    def __init__(self, *, http: OutgoingHttp, address: str) -> None:
        self._http, self._address = http, address

    async def check(self, *, country: str, vat_id: str, asker: str | None) -> VatIdAnswer:
        """See VatIdChecker; the prefix of the id is what names the register."""
        asked = {"countryCode": vat_id[:PREFIX_LENGTH], "vatNumber": vat_id[PREFIX_LENGTH:]}
        if asker is not None:
            asked |= {"requesterMemberStateCode": asker[:PREFIX_LENGTH], "requesterNumber": asker[PREFIX_LENGTH:]}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            answer = await self._http.request("POST", f"{self._address}/check-vat-number", headers=headers, body=json.dumps(asked).encode())
        except (DefiniteFailure, UnknownOutcome) as failure:
            _log.warning("vat_register.no_answer", country=country, error=str(failure))
            return UNKNOWN
        return _read(answer, country)

    async def close(self) -> None:
        """Ends all connections."""
        await self._http.close()


def build_checker(setup: ProviderSetup) -> ViesChecker:
    """The checker at the address of the setup."""
    parts = urlsplit(setup.address)
    reach = sandbox_reach(f"{parts.scheme}://{parts.netloc}") if setup.is_sandbox else LIVE
    return ViesChecker(http=OutgoingHttp(reach), address=setup.address)


def _read(answer: HttpAnswer, country: str) -> VatIdAnswer:
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return UNKNOWN
    if answer.status == 200 and isinstance(body.get("valid"), bool):
        return VatIdAnswer("valid", _receipt(body)) if body["valid"] else VatIdAnswer("invalid")
    words = _errors(body)
    if words & SAYS_INVALID:
        return VatIdAnswer("invalid")
    _log.warning("vat_register.unavailable", country=country, status=answer.status, errors=sorted(words))
    return UNKNOWN


def _receipt(body: dict[str, Any]) -> str | None:
    found = body.get("requestIdentifier")
    return found[:100] if isinstance(found, str) and found else None


def _errors(body: dict[str, Any]) -> set[str]:
    found = body.get("errorWrappers")
    return {str(entry.get("error")) for entry in found if isinstance(entry, dict)} if isinstance(found, list) else set()

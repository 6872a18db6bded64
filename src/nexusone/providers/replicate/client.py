"""The vendor's HTTP: where it is, who asks, and how its errors are read."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nexusone.platform.addresses import LIVE, sandbox_reach
from nexusone.platform.http import TOTAL_SECONDS, OutgoingHttp
from nexusone.platform.vendor_http import VendorHttp

# The vendor's contract: output files are served by this domain and its subdomains, and the account's token is to be passed there.
FILE_DOMAIN = "replicate.delivery"


def open_vendor(*, address: str, api_token: str, is_sandbox: bool, total_seconds: float = TOTAL_SECONDS) -> VendorHttp:
    """One account at one address (with its `/v1`)."""
    return VendorHttp(
        http=OutgoingHttp(sandbox_reach(_origin(address)) if is_sandbox else LIVE, total_seconds=total_seconds),
        address=address,
        headers={"Authorization": f"Bearer {api_token}"},
        words_of=words_of,
        secrets=(api_token,),
    )


def file_headers(vendor: VendorHttp, url: str) -> Mapping[str, str]:
    """The account's token for files at the vendor's own hosts; nothing for any other."""
    host = (urlsplit(url).hostname or "").lower()
    is_vendors = _origin(url) == _origin(vendor.address) or (
        url.startswith("https://") and (host == FILE_DOMAIN or host.endswith(f".{FILE_DOMAIN}"))
    )
    return vendor.headers if is_vendors else {}


def words_of(told: Mapping[str, Any]) -> str:
    """The sentence in an error body: `detail`, or the list of faults it is where inputs are wrong."""
    detail = told.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(str(fault.get("msg", "")) for fault in detail if isinstance(fault, dict))
    words = [str(part).strip() for part in (told.get("title"), detail) if part]
    return ": ".join(words) or "refused without saying why"


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])

"""What identity providers say of themselves and which keys they sign with: asked for, checked, kept for a while in this process."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar, cast

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.identity.domain.sso import Metadata, MetadataUnusable, discovery_url, read_metadata
from nexusone.modules.identity.service.refusals import SsoIssuerUnusable, SsoProviderUnavailable
from nexusone.platform.addresses import AddressRefused, check_url
from nexusone.platform.http import HttpAnswer, OutgoingHttp
from nexusone.platform.runtime import Context

T = TypeVar("T")
Key = Mapping[str, object]

METADATA_KEPT = timedelta(minutes=30)
KEYS_KEPT = timedelta(minutes=30)
# A forged key id must not make us ask the provider as often as a stranger likes.
KEYS_ASKED_AGAIN_AFTER = timedelta(seconds=10)
ISSUERS_MAX = 1000
ANSWER_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    value: T
    at: datetime


class KnownIssuers:
    """The memory of one process: metadata by issuer and keys by address, the least used dropped beyond a thousand."""

    def __init__(self) -> None:
        self.metadata: OrderedDict[str, _Kept[Metadata]] = OrderedDict()
        self.keys: OrderedDict[str, _Kept[tuple[Key, ...]]] = OrderedDict()


async def metadata_of(ctx: Context, *, issuer: str, is_fresh: bool = False) -> Metadata:
    """What an issuer says of itself, all its addresses checked.

    Raises:
        SsoIssuerUnusable: it is no issuer that can be used here.
        SsoProviderUnavailable: it does not answer.
    """
    known, now = ctx.port(KnownIssuers).metadata, ctx.now()
    kept = _find(known, issuer, now=now, kept_for=METADATA_KEPT)
    if kept is not None and not is_fresh:
        return kept.value
    answer = await ask(ctx, "GET", discovery_url(issuer))
    if answer.status != 200:
        raise SsoIssuerUnusable(reason=f"its description was answered with status {answer.status}")
    try:
        metadata = read_metadata(read_object(answer), issuer=issuer)
        for address in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri, metadata.userinfo_endpoint):
            if address is not None:
                check_url(address, reach=ctx.port(OutgoingHttp).reach)
    except MetadataUnusable as error:
        raise SsoIssuerUnusable(reason=str(error)) from error
    except AddressRefused as error:
        raise SsoIssuerUnusable(reason=f"one of its addresses is refused: {error.detail}") from error
    _keep(known, issuer, metadata, now)
    return metadata


async def keys_of(ctx: Context, *, metadata: Metadata, unknown_to: tuple[Key, ...] | None = None) -> tuple[Key, ...]:
    """The public keys of an issuer. `unknown_to`: keys among which the wanted one was not; they are asked for anew, but not too often.

    Raises:
        SsoProviderUnavailable: it does not answer.
    """
    known, now = ctx.port(KnownIssuers).keys, ctx.now()
    kept = _find(known, metadata.jwks_uri, now=now, kept_for=KEYS_KEPT)
    if kept is not None and (unknown_to is None or kept.value != unknown_to or now - kept.at < KEYS_ASKED_AGAIN_AFTER):
        return kept.value
    answer = await ask(ctx, "GET", metadata.jwks_uri)
    listed = read_object(answer).get("keys") if answer.status == 200 else None
    if not isinstance(listed, list):
        raise SsoProviderUnavailable(reason="it shows no keys", headers={"Retry-After": "5"})
    keys = tuple(key for key in listed[:100] if isinstance(key, dict))
    _keep(known, metadata.jwks_uri, keys, now)
    return keys


async def ask(ctx: Context, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> HttpAnswer:
    """One request to a provider.

    Raises:
        SsoIssuerUnusable: the address may not be spoken to.
        SsoProviderUnavailable: no answer.
    """
    http = ctx.port(OutgoingHttp)
    sent = {"Accept": "application/json", **(headers or {})}
    try:
        return await http.request(method, url, headers=sent, body=body, answer_bytes_max=ANSWER_BYTES_MAX)
    except AddressRefused as error:
        raise SsoIssuerUnusable(reason=error.detail) from error
    except (DefiniteFailure, UnknownOutcome) as error:
        raise SsoProviderUnavailable(reason=error.detail, headers={"Retry-After": "5"}) from error


def read_object(answer: HttpAnswer) -> dict[str, Any]:
    """The JSON object in an answer. Raises: SsoProviderUnavailable."""
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise SsoProviderUnavailable(reason="its answer is not JSON", headers={"Retry-After": "5"}) from error
    if not isinstance(told, dict):
        raise SsoProviderUnavailable(reason="its answer is no JSON object", headers={"Retry-After": "5"})
    return cast("dict[str, Any]", told)


def _find(known: OrderedDict[str, _Kept[T]], place: str, *, now: datetime, kept_for: timedelta) -> _Kept[T] | None:
    kept = known.get(place)
    if kept is None or not timedelta(0) <= now - kept.at < kept_for:
        return None
    known.move_to_end(place)
    return kept


def _keep(known: OrderedDict[str, _Kept[T]], place: str, value: T, now: datetime) -> None:
    known[place] = _Kept(value, now)
    known.move_to_end(place)
    while len(known) > ISSUERS_MAX:
        known.popitem(last=False)

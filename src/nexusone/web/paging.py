"""Lists page by page: `?limit=` and an opaque cursor that is signed for one list of one workspace."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.page import PAGE_SIZE, PAGE_SIZE_MAX, Page, PageOf, PageRequest
from nexusone.platform.runtime import Context
from nexusone.web.gate import context_of

T = TypeVar("T")
U = TypeVar("U")

CURSOR_KEY_STATE = "cursor_key"
SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Paging:
    """What the caller asks for, and the way back to the wire."""

    request: PageRequest
    key: bytes
    purpose: bytes

    def page(self, found: PageOf[T]) -> Page[T]:
        """The wire form of a page."""
        return Page(items=list(found.items), next_cursor=self.cursor(found.next_after))

    def page_of(self, found: PageOf[U], convert: Callable[[U], T]) -> Page[T]:
        """The wire form of a page whose items are converted first."""
        return Page(items=[convert(item) for item in found.items], next_cursor=self.cursor(found.next_after))

    def cursor(self, after: tuple[str, ...] | None) -> str | None:
        """The sort key as an opaque cursor."""
        return None if after is None else write_cursor(after, key=self.key, purpose=self.purpose)


def write_cursor(after: tuple[str, ...], *, key: bytes, purpose: bytes) -> str:
    """Packs and signs a sort key."""
    body = json.dumps(after, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_signature(body, key, purpose) + body).rstrip(b"=").decode()


def read_cursor(cursor: str, *, key: bytes, purpose: bytes) -> tuple[str, ...] | None:
    """The sort key in a cursor, or None where it was not made here for this list."""
    try:
        packed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(packed).rstrip(b"=").decode() != cursor:
        # Base64 has spare bits and ignores foreign signs: only the spelling that was given out is accepted.
        return None
    signature, body = packed[:SIGNATURE_BYTES], packed[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(body, key, purpose)):
        return None
    return tuple(json.loads(body))


def _signature(body: bytes, key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose + b"\n" + body, hashlib.sha256)[:SIGNATURE_BYTES]


async def paging_from(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX, description="How many items at most.")] = PAGE_SIZE,
    cursor: Annotated[str | None, Query(min_length=1, max_length=2000, description="`next_cursor` of the page before.")] = None,
) -> Paging:
    """The paging that the request's query asks for."""
    key: bytes = getattr(request.app.state, CURSOR_KEY_STATE)
    return paging_of(context_of(request), list_name=request.url.path, limit=limit, cursor=cursor, key=key)


def paging_of(ctx: Context, *, list_name: str, limit: int, cursor: str | None, key: bytes) -> Paging:
    """The paging of the list of that name in the caller's workspace.

    Raises:
        Unprocessable: the limit is out of bounds, or the cursor was not given out for this list.
    """
    if not 1 <= limit <= PAGE_SIZE_MAX:
        fault = FieldError(pointer="#query/limit", code="limit_invalid", detail=f"a limit is between 1 and {PAGE_SIZE_MAX}")
        raise Unprocessable(errors=(fault,), count=1)
    purpose = f"{ctx.workspace_id}:{list_name}".encode()
    after = None
    if cursor is not None:
        after = read_cursor(cursor, key=key, purpose=purpose)
        if after is None:
            fault = FieldError(pointer="#query/cursor", code="cursor_invalid", detail="this cursor was not given out for this list")
            raise Unprocessable(errors=(fault,), count=1)
    return Paging(PageRequest(limit=limit, after=after), key=key, purpose=purpose)


Pager = Annotated[Paging, Depends(paging_from)]
"""The paging of a list operation."""

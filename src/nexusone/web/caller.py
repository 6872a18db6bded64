"""What endpoints take from the request: the caller's context, and the version an edit expects."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from nexusone.kernel.errors import InvalidRequest
from nexusone.platform.runtime import Context
from nexusone.web.gate import context_of

ETAG = re.compile(r'^(?:W/)?"(\d{1,18})"$')


async def context_from(request: Request) -> Context:
    """The context the gate made for this request."""
    return context_of(request)


async def _expected_version(
    if_match: Annotated[
        str | None,
        Header(
            description="The ETag of the version to change; another version refuses with 412.",
            json_schema_extra={"pattern": r'^(\*|(W/)?"[0-9]{1,18}")$', "examples": ['"3"']},
        ),
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = ETAG.match(if_match.strip())
    if found is None:
        raise InvalidRequest(reason='If-Match takes one ETag such as "3"')
    return int(found.group(1))


def tag_version(response: Response, version: int) -> None:
    """Writes the version of a resource as its ETag."""
    response.headers["ETag"] = f'"{version}"'


Caller = Annotated[Context, Depends(context_from)]
"""The caller's context."""

ExpectedVersion = Annotated[int | None, Depends(_expected_version)]
"""The version in If-Match, or None for any."""

"""Files of workspaces, for whoever has a signed link."""

from typing import Annotated

from fastapi import Path
from starlette.responses import Response, StreamingResponse

from nexusone.kernel.errors import NotFound
from nexusone.platform.blobs import BlobLinkRefused, verify_link
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

door = Door("files")

LINK_PURPOSE = "blob-link"


@door.get(
    "/files/{token}",
    permission=PUBLIC,
    summary="Fetch a file with its link",
    refusals=(NotFound, BlobLinkRefused),
    response_class=Response,
    openapi_extra={"responses": {"200": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}},
)
async def fetch_file(ctx: Caller, token: Annotated[str, Path(min_length=10, max_length=1500)]) -> Response:
    workspace_id, key = verify_link(token, now=ctx.now(), keys=ctx.runtime.keys.signing_keys(LINK_PURPOSE))
    blob = await ctx.runtime.blobs.get(workspace_id, key)
    # Whatever a file says of itself, it is never shown as a page of ours (API-17).
    disposition = f'attachment; filename="{key.rsplit("/", 1)[-1]}"'
    headers = {"Content-Disposition": disposition, "Content-Length": str(blob.end_byte - blob.first_byte)}
    return StreamingResponse(blob.chunks, headers=headers, media_type="application/octet-stream")

"""Pictures in answers of another wire: kept as assets, marked as made by a model, and told to the client as they are kept."""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256

from pydantic import JsonValue

from nexusone.modules.ai.ports.passage import WireAnswer
from nexusone.modules.ai.service.assets import Origin, PreparedAsset, prepare
from nexusone.modules.ai.service.gateway_reserving import Call
from nexusone.modules.ai.service.library import link_to
from nexusone.modules.ai.service.refusals_assets import AssetRefused, AssetTooLarge
from nexusone.platform.runtime import Context

NAME_CHARACTERS_MAX = 80


class PicturesUnusable(Exception):
    """The vendor's pictures are not what they should be; the text says how."""


async def keep_pictures(ctx: Context, call: Call, answer: WireAnswer) -> tuple[PreparedAsset, ...]:
    """The pictures of an answer, judged, marked (AIA-02) and stored; nothing is on record yet.

    Raises:
        PicturesUnusable: one of them cannot be kept.
    """
    if len(answer.images) != len(_drawn(json.loads(answer.body))) or not answer.images:
        raise PicturesUnusable("the answer has no picture, or one that is not in it")
    row = call.row
    name, asked = row.prompt[:NAME_CHARACTERS_MAX] or row.kind, sha256("\n".join(call.texts).encode("utf-8", "surrogatepass")).digest()
    kept = []
    for place, image in enumerate(answer.images):
        origin = Origin(generation_id=row.id, place=place, model=row.model, vendor=row.vendor, prompt_hash=asked)
        try:
            kept.append(await prepare(ctx, content=image.content, kind="image", name=name, origin=origin))
        except (AssetRefused, AssetTooLarge) as refused:
            raise PicturesUnusable(str(refused)) from refused
    return tuple(kept)


async def told_with(ctx: Context, call: Call, answer: WireAnswer, *, kept: Sequence[PreparedAsset]) -> bytes:
    """The answer with the kept pictures in place of the vendor's: their bytes, or where it asked for that, expiring links."""
    told: dict[str, JsonValue] = json.loads(answer.body)
    for picture, asset in zip(_drawn(told), kept, strict=True):
        picture.pop("b64_json", None)
        if call.wish.wants_links:
            picture["url"] = link_to(ctx, asset.blob_key)
        else:
            blob = await ctx.runtime.blobs.get(ctx.workspace, asset.blob_key)
            picture["b64_json"] = base64.b64encode(b"".join([chunk async for chunk in blob.chunks])).decode("ascii")
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _drawn(told: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    data = told.get("data")
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []

"""GraphQL door of the media library."""

from datetime import datetime
from uuid import UUID

import strawberry

from nexusone.kernel.errors import InvalidRequest
from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.ai.contracts.assets import Asset, AssetKind
from nexusone.modules.ai.service import library
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of

KINDS: dict[str, AssetKind] = {"image": "image", "audio": "audio", "video": "video"}


@strawberry.type(name="Asset", description="A file of the media library; its links open until `links_expire_at` for whoever has them.")
class AssetType:
    """The fields of the REST resource."""

    id: UUID
    kind: str
    media_type: str
    name: str
    alt_text: str | None
    size_bytes: float
    width: int | None
    height: int | None
    duration_ms: int | None
    sha256: str
    origin: str
    generation_id: UUID | None
    place: int | None
    source_asset_id: UUID | None
    is_ai_generated: bool
    has_manifest: bool
    version: int
    content_url: str
    thumbnail_url: str | None
    links_expire_at: datetime
    created_by: str
    created_at: datetime


@strawberry.type(name="AssetPage", description="A page of assets, newest first.")
class AssetPageType:
    """`next_cursor` is null on the last page."""

    items: list[AssetType]
    next_cursor: str | None


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None, kind: str | None = None) -> AssetPageType:
    ctx = info.context.ctx
    if kind is not None and kind not in KINDS:
        raise InvalidRequest(reason=f"a kind is one of {', '.join(KINDS)}")
    paging = paging_of(ctx, list_name="graphql.assets", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await library.list_assets(ctx, request=paging.request, kind=None if kind is None else KINDS[kind])
    return AssetPageType(items=[_asset(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> AssetType:  # noqa: A002 - the argument's name on the wire
    return _asset(await library.get_asset(info.context.ctx, asset_id=id))


def _asset(found: Asset) -> AssetType:
    return AssetType(**dict(found))


@strawberry.type
class AssetsQuery:
    """Fields of the Query type about the media library."""

    assets: AssetPageType = strawberry.field(resolver=_list, description="Assets, newest first.", permission_classes=needs("assets:read"))
    asset: AssetType = strawberry.field(resolver=_one, description="One asset.", permission_classes=needs("assets:read"))

"""GraphQL door of brand voices."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.ai.contracts.voices import BrandVoice
from nexusone.modules.ai.service import voices
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="AvoidedTerm", description="A word that the brand does not use, and the one it uses instead, if any.")
class AvoidedTermType:
    """The fields of the REST form."""

    term: str
    instead: str | None


@strawberry.type(name="VoiceExample", description="A text that sounds right.")
class VoiceExampleType:
    """The fields of the REST form."""

    text: str
    locale: str | None


@strawberry.type(name="BrandVoice", description="How a brand sounds; `locale_notes` by locale.")
class BrandVoiceType:
    """The fields of the REST resource."""

    id: UUID
    name: str
    tone: str
    preferred: list[str]
    avoided: list[AvoidedTermType]
    forbidden_claims: list[str]
    examples: list[VoiceExampleType]
    locale_notes: JSON
    is_default: bool
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="BrandVoicePage", description="A page of brand voices, newest first.")
class BrandVoicePageType:
    """`next_cursor` is null on the last page."""

    items: list[BrandVoiceType]
    next_cursor: str | None


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> BrandVoicePageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.brand_voices", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await voices.list_voices(ctx, request=paging.request)
    return BrandVoicePageType(items=[_voice(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> BrandVoiceType:  # noqa: A002 - the argument's name on the wire
    return _voice(await voices.get_voice(info.context.ctx, voice_id=id))


def _voice(found: BrandVoice) -> BrandVoiceType:
    return BrandVoiceType(
        id=found.id,
        name=found.name,
        tone=found.tone,
        preferred=found.preferred,
        avoided=[AvoidedTermType(term=avoided.term, instead=avoided.instead) for avoided in found.avoided],
        forbidden_claims=found.forbidden_claims,
        examples=[VoiceExampleType(text=example.text, locale=example.locale) for example in found.examples],
        locale_notes=JSON(found.locale_notes),
        is_default=found.is_default,
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


@strawberry.type
class BrandVoicesQuery:
    """Fields of the Query type about brand voices."""

    brand_voices: BrandVoicePageType = strawberry.field(
        resolver=_list, description="Brand voices, newest first.", permission_classes=needs("brand_voices:read")
    )
    brand_voice: BrandVoiceType = strawberry.field(
        resolver=_one, description="One brand voice.", permission_classes=needs("brand_voices:read")
    )

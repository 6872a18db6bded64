"""GraphQL door of audience."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.scalars import JSON

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.audience.contracts import Contact, Segment
from nexusone.modules.audience.domain.segments import dump_definition
from nexusone.modules.audience.service import contacts, segments
from nexusone.modules.audience.service.refusals import SegmentNotFound
from nexusone.platform.runtime import Context
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import Paging, paging_of

COUNTS_LOADER = "audience.segment_counts"


@strawberry.type(name="Contact", description="A person of the workspace's audience.")
class ContactType:
    """The fields of the REST resource."""

    id: UUID
    external_id: str | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    locale: str | None
    timezone: str | None
    country: str | None
    attributes: JSON
    email_status: str
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="ContactPage", description="A page of contacts, newest first.")
class ContactPageType:
    """`next_cursor` is null on the last page."""

    items: list[ContactType]
    next_cursor: str | None


async def _count(info: GraphqlInfo, root: strawberry.Parent["SegmentType"]) -> int:
    count = await _counts(info).load(root.id)
    if count is None:
        raise SegmentNotFound
    return count


@strawberry.type(name="Segment", description="A named part of the audience, computed anew at every use.")
class SegmentType:
    """The fields of the REST resource, and how many contacts there are in it."""

    id: UUID
    name: str
    definition: JSON
    created_at: datetime
    updated_at: datetime
    count: int = strawberry.field(resolver=_count, description="How many contacts it has now.", permission_classes=needs("segments:read"))


@strawberry.type(name="SegmentPage", description="A page of segments, newest first.")
class SegmentPageType:
    """`next_cursor` is null on the last page."""

    items: list[SegmentType]
    next_cursor: str | None


async def _list_contacts(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> ContactPageType:
    paging = _paging(info, "graphql.contacts", limit, cursor)
    found = await contacts.list_contacts(info.context.ctx, request=paging.request)
    return ContactPageType(items=[_contact(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_contact(info: GraphqlInfo, id: UUID) -> ContactType:  # noqa: A002 - the argument's name on the wire
    return _contact(await contacts.get_contact(info.context.ctx, contact_id=id))


async def _list_segments(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> SegmentPageType:
    paging = _paging(info, "graphql.segments", limit, cursor)
    found = await segments.list_segments(info.context.ctx, request=paging.request)
    return SegmentPageType(items=[_segment(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _get_segment(info: GraphqlInfo, id: UUID) -> SegmentType:  # noqa: A002 - the argument's name on the wire
    return _segment(await segments.get_segment(info.context.ctx, segment_id=id))


def _paging(info: GraphqlInfo, list_name: str, limit: int, cursor: str | None) -> Paging:
    ctx = info.context.ctx
    return paging_of(ctx, list_name=list_name, limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))


def _counts(info: GraphqlInfo) -> DataLoader[UUID, int | None]:
    loaders = info.context.loaders
    if COUNTS_LOADER not in loaders:
        loaders[COUNTS_LOADER] = _counts_loader(info.context.ctx)
    loader: DataLoader[UUID, int | None] = loaders[COUNTS_LOADER]
    return loader


def _counts_loader(ctx: Context) -> DataLoader[UUID, int | None]:
    async def load(segment_ids: list[UUID]) -> list[int | None]:
        return await segments.count_segments(ctx, segment_ids=segment_ids)

    return DataLoader(load)


def _contact(contact: Contact) -> ContactType:
    return ContactType(
        id=contact.id,
        external_id=contact.external_id,
        email=contact.email,
        phone=contact.phone,
        first_name=contact.first_name,
        last_name=contact.last_name,
        locale=contact.locale,
        timezone=contact.timezone,
        country=contact.country,
        attributes=JSON(contact.attributes),
        email_status=contact.email_status,
        created_at=contact.created_at,
        updated_at=contact.updated_at,
    )


def _segment(segment: Segment) -> SegmentType:
    return SegmentType(
        id=segment.id,
        name=segment.name,
        definition=JSON(dump_definition(segment.definition)),
        created_at=segment.created_at,
        updated_at=segment.updated_at,
    )


@strawberry.type
class AudienceQuery:
    """Audience's fields of the Query type."""

    contacts: ContactPageType = strawberry.field(
        resolver=_list_contacts, description="Contacts, newest first.", permission_classes=needs("contacts:read")
    )
    contact: ContactType | None = strawberry.field(
        resolver=_get_contact, description="One contact.", permission_classes=needs("contacts:read")
    )
    segments: SegmentPageType = strawberry.field(
        resolver=_list_segments, description="Segments, newest first.", permission_classes=needs("segments:read")
    )
    segment: SegmentType | None = strawberry.field(
        resolver=_get_segment, description="One segment.", permission_classes=needs("segments:read")
    )

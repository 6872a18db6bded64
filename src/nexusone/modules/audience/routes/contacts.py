"""REST door of audience: contacts, their imports, segments."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Form, Query, Response, UploadFile
from starlette.responses import StreamingResponse

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.audience.contracts import (
    Contact,
    ContactChange,
    ContactFields,
    ContactImport,
    NewSegment,
    Segment,
    SegmentChange,
    SegmentCount,
    SegmentPreview,
)
from nexusone.modules.audience.service import contacts, imports, segments
from nexusone.modules.audience.service.refusals import (
    ContactNotFound,
    IdentifierTaken,
    ImportNotFound,
    ImportUnfinished,
    SegmentNotFound,
    SegmentReadOnly,
)
from nexusone.modules.billing.api import NotInPlan
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager

UPLOAD_CHUNK_BYTES = 256 * 1024

door = Door("audience")

Sought = Annotated[str | None, Query(min_length=1, max_length=300)]


MADE = {
    "description": "There was none; it is new.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Contact"}}},
}


@door.post("/contacts", permission="contacts:write", status=201, summary="Add a contact", refusals=(IdentifierTaken, NotInPlan))
async def create_contact(ctx: Caller, body: ContactFields, response: Response) -> Contact:
    contact = await contacts.create_contact(ctx, wanted=body)
    tag_version(response, contact.version)
    return contact


@door.get("/contacts", permission="contacts:read", summary="List contacts, newest first", refusals=(SegmentNotFound,))
async def list_contacts(
    ctx: Caller,
    pager: Pager,
    email: Sought = None,
    external_id: Sought = None,
    phone: Sought = None,
    segment_id: UUID | None = None,
) -> Page[Contact]:
    sought = {"email": email, "external_id": external_id, "phone": phone}
    identifiers = {field: text for field, text in sought.items() if text is not None}
    return pager.page(await contacts.list_contacts(ctx, request=pager.request, identifiers=identifiers, segment_id=segment_id))


@door.put(
    "/contacts/by-external-id/{external_id:path}",
    permission="contacts:write",
    summary="Make the contact of an external_id exactly as given: 201 if it is new",
    refusals=(IdentifierTaken, PreconditionFailed, NotInPlan),
    openapi_extra={"responses": {"201": MADE}},
)
async def put_contact(ctx: Caller, external_id: str, body: ContactFields, expected: ExpectedVersion, response: Response) -> Contact:
    contact, is_new = await contacts.put_contact(ctx, external_id=external_id, wanted=body, version=expected)
    response.status_code = 201 if is_new else 200
    tag_version(response, contact.version)
    return contact


@door.post(
    "/contacts/imports",
    permission="contacts:write",
    status=202,
    summary="Import contacts from a CSV file",
    cost=20,
    is_upload=True,
)
async def start_import(
    ctx: Caller,
    file: Annotated[UploadFile, "UTF-8 CSV with a header line; columns that are no field of a contact become attributes."],
    mapping: Annotated[
        str | None,
        Form(max_length=50_000, description='JSON from columns to fields: {"E-Mail": "email", "Tarif": "attributes.plan", "Notes": null}'),
    ] = None,
) -> ContactImport:
    return await imports.start_import(ctx, file=_chunks(file), mapping=mapping)


@door.get("/contacts/imports", permission="contacts:read", summary="List imports, newest first")
async def list_imports(ctx: Caller, pager: Pager) -> Page[ContactImport]:
    return pager.page(await imports.list_imports(ctx, request=pager.request))


@door.get("/contacts/imports/{import_id}", permission="contacts:read", summary="See how an import goes", refusals=(ImportNotFound,))
async def get_import(ctx: Caller, import_id: UUID) -> ContactImport:
    return await imports.get_import(ctx, import_id=import_id)


@door.get(
    "/contacts/imports/{import_id}/errors",
    permission="contacts:read",
    summary="Download the rejected rows of an import as CSV",
    refusals=(ImportNotFound, ImportUnfinished),
    response_class=StreamingResponse,
    openapi_extra={"responses": {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
async def download_import_errors(ctx: Caller, import_id: UUID) -> StreamingResponse:
    rows = await imports.open_errors(ctx, import_id=import_id)
    disposition = f'attachment; filename="import-{import_id}-errors.csv"'
    return StreamingResponse(rows, media_type="text/csv", headers={"Content-Disposition": disposition})


@door.get("/contacts/{contact_id}", permission="contacts:read", summary="Read a contact", refusals=(ContactNotFound,))
async def get_contact(ctx: Caller, contact_id: UUID, response: Response) -> Contact:
    contact = await contacts.get_contact(ctx, contact_id=contact_id)
    tag_version(response, contact.version)
    return contact


@door.patch(
    "/contacts/{contact_id}",
    permission="contacts:write",
    summary="Change some fields of a contact",
    refusals=(ContactNotFound, IdentifierTaken, PreconditionFailed),
)
async def change_contact(ctx: Caller, contact_id: UUID, body: ContactChange, expected: ExpectedVersion, response: Response) -> Contact:
    contact = await contacts.change_contact(ctx, contact_id=contact_id, change=body, version=expected)
    tag_version(response, contact.version)
    return contact


@door.delete(
    "/contacts/{contact_id}",
    permission="contacts:write",
    status=204,
    summary="Remove a contact",
    refusals=(ContactNotFound, PreconditionFailed),
)
async def delete_contact(ctx: Caller, contact_id: UUID, expected: ExpectedVersion) -> Response:
    await contacts.delete_contact(ctx, contact_id=contact_id, version=expected)
    return Response(status_code=204)


@door.post("/segments", permission="segments:write", status=201, summary="Define a segment")
async def create_segment(ctx: Caller, body: NewSegment, response: Response) -> Segment:
    segment = await segments.create_segment(ctx, wanted=body)
    tag_version(response, segment.version)
    return segment


@door.get("/segments", permission="segments:read", summary="List segments, newest first")
async def list_segments(ctx: Caller, pager: Pager) -> Page[Segment]:
    return pager.page(await segments.list_segments(ctx, request=pager.request))


@door.post(
    "/segments/preview", permission="segments:read", key_use="none", cost=5, summary="Count the contacts that a definition would have"
)
async def preview_segment(ctx: Caller, body: SegmentPreview) -> SegmentCount:
    return await segments.preview_segment(ctx, wanted=body)


@door.get("/segments/{segment_id}", permission="segments:read", summary="Read a segment", refusals=(SegmentNotFound,))
async def get_segment(ctx: Caller, segment_id: UUID, response: Response) -> Segment:
    segment = await segments.get_segment(ctx, segment_id=segment_id)
    tag_version(response, segment.version)
    return segment


@door.patch(
    "/segments/{segment_id}",
    permission="segments:write",
    summary="Rename a segment or define it anew",
    refusals=(SegmentNotFound, SegmentReadOnly, PreconditionFailed),
)
async def change_segment(ctx: Caller, segment_id: UUID, body: SegmentChange, expected: ExpectedVersion, response: Response) -> Segment:
    segment = await segments.change_segment(ctx, segment_id=segment_id, change=body, version=expected)
    tag_version(response, segment.version)
    return segment


@door.delete(
    "/segments/{segment_id}",
    permission="segments:write",
    status=204,
    summary="Delete a segment; its contacts stay",
    refusals=(SegmentNotFound, SegmentReadOnly, PreconditionFailed),
)
async def delete_segment(ctx: Caller, segment_id: UUID, expected: ExpectedVersion) -> Response:
    await segments.delete_segment(ctx, segment_id=segment_id, version=expected)
    return Response(status_code=204)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(UPLOAD_CHUNK_BYTES):
        yield chunk

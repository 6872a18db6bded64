"""Contacts one by one: adding, reading, changing, removing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from nexusone.kernel.contract import trusted
from nexusone.kernel.errors import FieldError, PreconditionFailed, Unprocessable
from nexusone.kernel.ids import new_id
from nexusone.kernel.page import PageOf, PageRequest
from nexusone.modules.audience.contracts import Contact, ContactChange, ContactFields
from nexusone.modules.audience.domain.contact import NormalisedContact, normalise
from nexusone.modules.audience.domain.email_address import comparable_email
from nexusone.modules.audience.events import ContactCreated, ContactDeleted, ContactUpdated
from nexusone.modules.audience.service.refusals import ContactNotFound, IdentifierTaken, SegmentNotFound
from nexusone.modules.audience.service.room import require_room, room_for_contacts
from nexusone.modules.audience.service.segments import LAST_ID, readable_row, relation_of
from nexusone.modules.audience.store import contacts
from nexusone.modules.audience.store.contacts import ContactRow, IdentifierInUse
from nexusone.platform.database import Transaction
from nexusone.platform.events import publish
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

_FIELDS: Final = NormalisedContact._fields


async def create_contact(ctx: Context, *, wanted: ContactFields) -> Contact:
    """Adds a contact.

    Raises:
        Unprocessable: a field is against a rule, or there is no identifier.
        IdentifierTaken: another contact has an identifier of it.
        NotInPlan: the plan allows no further contact.
    """
    contact = _checked(wanted.model_dump())
    allowance = await room_for_contacts(ctx)
    with _refusing_taken_identifiers():
        async with ctx.transaction("audience") as tx:
            await require_room(ctx, tx, allowance)
            row = await contacts.insert_contact(tx, contact, workspace_id=ctx.workspace, contact_id=new_id(), now=ctx.now())
            made = contact_of(row)
            await publish(tx, ContactCreated(contact_id=row.id))
            await conclude(tx, made)
    return made


async def get_contact(ctx: Context, *, contact_id: UUID) -> Contact:
    """A contact.

    Raises:
        ContactNotFound: there is none.
    """
    async with ctx.transaction("audience") as tx:
        return contact_of(await _get(ctx, tx, contact_id))


async def list_contacts(
    ctx: Context, *, request: PageRequest, identifiers: Mapping[str, str] | None = None, segment_id: UUID | None = None
) -> PageOf[Contact]:
    """Contacts, newest first: those that have the identifiers (field → text) and are in the segment.

    Raises:
        SegmentNotFound: there is no such segment.
    """
    wanted = {field: comparable_email(text) if field == "email" else text for field, text in (identifiers or {}).items()}
    before, limit = UUID(request.after[0]) if request.after else LAST_ID, request.limit + 1
    if not wanted and segment_id is None:
        return _page(await contacts.list_newest(ctx, before=before, limit=limit), request.limit)
    async with ctx.transaction("audience") as tx:
        relation = None
        if segment_id is not None:
            segment = await readable_row(ctx, tx, segment_id=segment_id)
            if segment is None:
                raise SegmentNotFound
            relation = relation_of(segment)
        rows = await contacts.list_contacts(
            tx,
            workspace_id=ctx.workspace,
            before=before,
            limit=limit,
            identifiers=wanted,
            segment=relation,
        )
    return _page([contact_of(row) for row in rows], request.limit)


async def put_contact(ctx: Context, *, external_id: str, wanted: ContactFields, version: int | None) -> tuple[Contact, bool]:
    """Makes the contact of an external_id exactly as given; whether it is new. `version`: only if it is at that version.

    Raises:
        Unprocessable: a field is against a rule, or the body names another external_id.
        IdentifierTaken: another contact has its e-mail or phone.
        PreconditionFailed: it is at another version, or is not there.
        NotInPlan: it is not there, and the plan allows no further contact.
    """
    if wanted.external_id is not None and wanted.external_id != external_id:
        fault = FieldError(pointer="/external_id", code="differs", detail="the address names another external_id")
        raise Unprocessable(errors=(fault,), count=1)
    contact = _checked({**wanted.model_dump(), "external_id": external_id})
    if contact.external_id is None:
        fault = FieldError(pointer="#path/external_id", code="blank", detail="an external_id is not blank")
        raise Unprocessable(errors=(fault,), count=1)
    allowance = await room_for_contacts(ctx)
    with _refusing_taken_identifiers():
        async with ctx.transaction("audience") as tx:
            before = await contacts.find_contact_by_external_id(tx, workspace_id=ctx.workspace, external_id=contact.external_id)
            if version is not None and (before is None or before.version != version):
                raise PreconditionFailed(version=before.version if before else 0)
            if before is None:
                await require_room(ctx, tx, allowance)
            row = await contacts.put_contact(tx, contact, workspace_id=ctx.workspace, new_id=new_id(), version=version, now=ctx.now())
            if row is None:
                raise PreconditionFailed(version=before.version + 1 if before else 1)
            is_new = row.version == 1
            await publish(tx, ContactCreated(contact_id=row.id) if is_new else _updated(row.id, before, row))
    return contact_of(row), is_new


async def change_contact(ctx: Context, *, contact_id: UUID, change: ContactChange, version: int | None) -> Contact:
    """Changes the fields that are given; a change of nothing leaves the version. `version`: only if it is at that version.

    Raises:
        ContactNotFound: there is none.
        PreconditionFailed: it is at another version.
        Unprocessable: a field is against a rule, or no identifier would be left.
        IdentifierTaken: another contact has an identifier of it.
    """
    given = change.model_dump(exclude_unset=True)
    with _refusing_taken_identifiers():
        async with ctx.transaction("audience") as tx:
            row = await _get(ctx, tx, contact_id, is_locked=True)
            if version is not None and version != row.version:
                raise PreconditionFailed(version=row.version)
            attributes = {**row.attributes, **given["attributes"]} if given.get("attributes") is not None else row.attributes
            stored = {field: getattr(row, field) for field in _FIELDS}
            contact = _checked({**stored, "attributes": attributes, **{k: v for k, v in given.items() if k != "attributes" or v is None}})
            if not any(_changed(row, contact)):
                return contact_of(row)
            changed = await contacts.update_contact(tx, contact, workspace_id=ctx.workspace, contact_id=contact_id, now=ctx.now())
            await publish(tx, _updated(contact_id, row, changed))
    return contact_of(changed)


async def delete_contact(ctx: Context, *, contact_id: UUID, version: int | None) -> None:
    """Removes a contact; its address stays suppressed if it was.

    Raises:
        ContactNotFound: there is none.
        PreconditionFailed: it is at another version.
    """
    async with ctx.transaction("audience") as tx:
        if not await contacts.delete_contact(tx, workspace_id=ctx.workspace, contact_id=contact_id, version=version):
            raise PreconditionFailed(version=(await _get(ctx, tx, contact_id)).version)
        await publish(tx, ContactDeleted(contact_id=contact_id))


def contact_of(row: ContactRow) -> Contact:
    """The contract of a row; what the database holds was validated on its way in."""
    return trusted(Contact, row._asdict())


def _page(found: Sequence[Contact], limit: int) -> PageOf[Contact]:
    items = tuple(found[:limit])
    return PageOf(items=items, next_after=(str(items[-1].id),) if len(found) > limit else None)


async def _get(ctx: Context, tx: Transaction, contact_id: UUID, *, is_locked: bool = False) -> ContactRow:
    row = await contacts.find_contact(tx, workspace_id=ctx.workspace, contact_id=contact_id, is_locked=is_locked)
    if row is None:
        raise ContactNotFound
    return row


def _checked(raw: Mapping[str, object]) -> NormalisedContact:
    contact = normalise(raw)
    if isinstance(contact, list):
        errors = tuple(FieldError(pointer=_pointer(fault.field), code=fault.code, detail=fault.detail) for fault in contact)
        raise Unprocessable(errors=errors, count=len(errors))
    return contact._replace(attributes={key: value for key, value in contact.attributes.items() if value is not None})


def _pointer(field: str) -> str:
    name, dot, key = field.partition(".")
    return f"/{name}/{key.replace('~', '~0').replace('/', '~1')}" if dot else f"/{name}"


def _updated(contact_id: UUID, before: ContactRow | None, after: ContactRow) -> ContactUpdated:
    # Without the row before, which another request may just have made, every field counts as changed.
    return ContactUpdated(contact_id=contact_id, changed=_FIELDS if before is None else tuple(_changed(before, after)))


def _changed(before: ContactRow, after: ContactRow | NormalisedContact) -> Iterator[str]:
    for field in _FIELDS:
        if field != "attributes" and getattr(before, field) != getattr(after, field):
            yield field
    for key in sorted(before.attributes.keys() | after.attributes.keys()):
        old, new = before.attributes.get(key), after.attributes.get(key)
        # 1 equals True here, but not in a segment.
        if old != new or type(old) is not type(new):
            yield f"attributes.{key}"


@contextmanager
def _refusing_taken_identifiers() -> Iterator[None]:
    try:
        yield
    except IdentifierInUse as taken:
        fault = FieldError(pointer=f"/{taken.field}", code="taken", detail="another contact has it")
        raise IdentifierTaken(field=taken.field, errors=(fault,)) from taken

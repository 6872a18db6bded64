"""A workspace's own accounts at vendors: put, shown without their credentials, tested, deleted."""

from datetime import datetime
from typing import cast
from uuid import uuid4

from nexusone.kernel.errors import FieldError
from nexusone.kernel.ids import new_id
from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.contracts.connections import AiConnection, AiConnectionTest, AiConnectionWish, AiVendor
from nexusone.modules.ai.ports.media import MediaModel, VoiceModel
from nexusone.modules.ai.ports.models import Kind
from nexusone.modules.ai.ports.text import TextModel, TextRequest
from nexusone.modules.ai.ports.vendors import Vendor
from nexusone.modules.ai.service.gateway_accounts import GatewayPlaces
from nexusone.modules.ai.service.own_keys import OwnClients, clients_of, connectable, find_vendor, kinds_of, sealed
from nexusone.modules.ai.service.refusals_connections import ConnectionInvalid, ConnectionNotFound, VendorUnknown
from nexusone.modules.ai.service.speakers import VoiceLists
from nexusone.modules.ai.store import vendor_keys
from nexusone.modules.ai.store.vendor_keys import VendorKeyRow
from nexusone.platform.addresses import AddressRefused, check_url
from nexusone.platform.audit import record
from nexusone.platform.http import OutgoingHttp
from nexusone.platform.idempotency import conclude
from nexusone.platform.runtime import Context

WORKING, UNKNOWN = "working", "unknown"
TEST_TOKENS_MAX = 16
LOOKED_UP: tuple[Kind, ...] = ("image", "video")


async def list_vendors(ctx: Context) -> list[AiVendor]:
    """Every vendor that can be connected, with the workspace's connection where there is one."""
    async with ctx.transaction("ai") as tx:
        rows = {row.vendor: row for row in await vendor_keys.list_all(tx, workspace_id=ctx.workspace)}
    return [_shown(vendor, rows.get(vendor.name)) for vendor in connectable(ctx)]


async def put_connection(ctx: Context, *, vendor: str, wanted: AiConnectionWish) -> AiVendor:
    """Connects the workspace's own account, in place of the one before.

    Raises:
        VendorUnknown: there is no such vendor.
        ConnectionInvalid: the fields are not those that the vendor asks for, or the address may not be spoken to.
    """
    found = _vendor(ctx, vendor)
    if faults := (*_field_faults(found, wanted), *_address_faults(ctx, found, wanted.address)):
        raise ConnectionInvalid(errors=faults, count=len(faults))
    key_id = new_id()
    credentials = await sealed(ctx, key_id, wanted.credentials)
    async with ctx.transaction("ai") as tx:
        row = await vendor_keys.put(
            tx,
            workspace_id=ctx.workspace,
            vendor=vendor,
            key_id=key_id,
            fields=sorted(wanted.credentials),
            sealed_credentials=credentials,
            address=wanted.address,
            created_by=ctx.principal.label,
            now=ctx.now(),
        )
        after = {"vendor": vendor, "fields": row.fields, "address": row.address, "version": row.version}
        await record(tx, action="ai.connection.put", object_kind="ai_connection", object_id=vendor, after=after)
    _forget(ctx, vendor)
    return _shown(found, row)


async def delete_connection(ctx: Context, *, vendor: str) -> None:
    """Forgets the account; what is being made with it cannot be looked at any more.

    Raises:
        ConnectionNotFound: there is none.
    """
    async with ctx.transaction("ai") as tx:
        if not await vendor_keys.delete(tx, workspace_id=ctx.workspace, vendor=vendor):
            raise ConnectionNotFound
        await record(tx, action="ai.connection.deleted", object_kind="ai_connection", object_id=vendor)
    _forget(ctx, vendor)


async def test_connection(ctx: Context, *, vendor: str) -> AiConnectionTest:
    """Asks the vendor the least that tells whether it takes the credentials; a text model writes a word.

    Raises:
        ConnectionNotFound: there is none.
    """
    async with ctx.transaction("ai") as tx:
        row = await vendor_keys.find(tx, workspace_id=ctx.workspace, vendor=vendor)
    if row is None:
        raise ConnectionNotFound
    code = await _tried(ctx, row)
    now = ctx.now()
    answer = _answer(code, now)
    async with ctx.transaction("ai") as tx:
        await vendor_keys.note_test(tx, workspace_id=ctx.workspace, vendor=vendor, key_id=row.id, code=code, now=now)
        await record(tx, action="ai.connection.tested", object_kind="ai_connection", object_id=vendor, after={"result": code})
        await conclude(tx, answer)
    return answer


def _answer(code: str, now: datetime) -> AiConnectionTest:
    match code:
        case "working" | "unknown":
            return AiConnectionTest(result=code, code=None, tested_at=now)
        case _:
            return AiConnectionTest(result="refused", code=code, tested_at=now)


def _forget(ctx: Context, vendor: str) -> None:
    """What this process keeps of the account; others see by the key's id that it is another."""
    ctx.runtime.port(OwnClients).retire(ctx.workspace, vendor, now=ctx.now())
    ctx.runtime.port(VoiceLists).forget(ctx.workspace, vendor)
    ctx.runtime.port(GatewayPlaces).forget_own(ctx.workspace)


async def _tried(ctx: Context, row: VendorKeyRow) -> str:
    clients = await clients_of(ctx, row)
    try:
        if "text" in clients:
            await _write_a_word(cast(TextModel, clients["text"]))
        elif "voice" in clients:
            await cast(VoiceModel, clients["voice"]).voices()
        else:
            for client in (clients[kind] for kind in LOOKED_UP if kind in clients):
                await cast("MediaModel[object]", client).find(str(uuid4()), since=ctx.now())
    except DefiniteFailure as failure:
        return failure.code
    except UnknownOutcome:
        return UNKNOWN
    return WORKING


async def _write_a_word(model: TextModel) -> None:
    cards = [card for card in model.catalog() if card.kind == "text"]
    cheapest = min(cards, key=lambda card: sum(price.micros for price in card.prices))
    request = TextRequest(model=cheapest.name, instructions="Answer with one word.", prompt="Ready?", output_tokens_max=TEST_TOKENS_MAX)
    await model.write(request)


def _vendor(ctx: Context, name: str) -> Vendor:
    if (found := find_vendor(ctx, name)) is None:
        raise VendorUnknown
    return found


def _field_faults(vendor: Vendor, wanted: AiConnectionWish) -> tuple[FieldError, ...]:
    known = (*vendor.credential_fields, *vendor.optional_fields)
    missing = [name for name in vendor.credential_fields if name not in wanted.credentials]
    return (
        *(FieldError(pointer=f"/credentials/{name}", code="missing", detail=f"{vendor.title} asks for it") for name in missing),
        *(
            FieldError(pointer=f"/credentials/{name}", code="not_known", detail=f"{vendor.title} asks for {', '.join(known)}")
            for name in wanted.credentials
            if name not in known
        ),
    )


def _address_faults(ctx: Context, vendor: Vendor, address: str | None) -> tuple[FieldError, ...]:
    if address is None:
        return ()
    if not vendor.takes_address:
        detail = f"no other server speaks the protocol of {vendor.title}"
        return (FieldError(pointer="/address", code="not_taken", detail=detail),)
    try:
        check_url(address, reach=ctx.port(OutgoingHttp).reach)
    except AddressRefused as refused:
        return (FieldError(pointer="/address", code="refused", detail=refused.detail),)
    return ()


def _shown(vendor: Vendor, row: VendorKeyRow | None) -> AiVendor:
    return AiVendor(
        vendor=vendor.name,
        title=vendor.title,
        kinds=kinds_of(vendor),
        credential_fields=vendor.credential_fields,
        optional_fields=vendor.optional_fields,
        takes_address=vendor.takes_address,
        connection=None if row is None else _connection(row),
    )


def _connection(row: VendorKeyRow) -> AiConnection:
    return AiConnection(
        fields=tuple(row.fields),
        address=row.address,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        tested_at=row.tested_at,
        test_code=row.test_code,
    )

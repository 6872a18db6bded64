"""REST door of invoices and of who is billed."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.responses import StreamingResponse

from nexusone.kernel.errors import PreconditionFailed
from nexusone.kernel.page import Page
from nexusone.modules.billing.contracts.invoices import (
    BillingProfile,
    CreditNote,
    Invoice,
    InvoiceInFull,
    InvoiceStateName,
    NewBillingProfile,
    NewCreditNote,
)
from nexusone.modules.billing.service import crediting, invoice_lists, invoice_papers, profiles
from nexusone.modules.billing.service.refusals_invoices import (
    BillingProfileMissing,
    CreditExceedsInvoice,
    CurrencyUnknown,
    InvoiceNotFound,
    InvoiceNotRendered,
    InvoiceSettled,
    LocaleUnknown,
    VatIdMalformed,
)
from nexusone.platform.blobs import Blob
from nexusone.web.caller import Caller, ExpectedVersion, tag_version
from nexusone.web.door import Door
from nexusone.web.paging import Pager
from nexusone.web.rights import OPERATOR

door = Door("billing")

PDF = {"responses": {"200": {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}}}


@door.get("/billing-profile", permission="invoices:read", summary="Who is billed", refusals=(BillingProfileMissing,))
async def get_billing_profile(ctx: Caller, response: Response) -> BillingProfile:
    profile, version = await profiles.get_profile(ctx)
    tag_version(response, version)
    return profile


@door.put(
    "/billing-profile",
    permission="invoices:write",
    summary="Say who is to be billed from now on",
    refusals=(VatIdMalformed, CurrencyUnknown, LocaleUnknown, PreconditionFailed),
)
async def put_billing_profile(ctx: Caller, body: NewBillingProfile, expected: ExpectedVersion, response: Response) -> BillingProfile:
    profile, version = await profiles.put_profile(ctx, wanted=body, version=expected)
    tag_version(response, version)
    return profile


@door.get("/invoices", permission="invoices:read", summary="List invoices, newest first")
async def list_invoices(
    ctx: Caller,
    pager: Pager,
    state: Annotated[InvoiceStateName | None, Query(description="Only those in this state.")] = None,
) -> Page[Invoice]:
    return pager.page(await invoice_lists.list_invoices(ctx, state=state, request=pager.request))


@door.get(
    "/invoices/export.csv",
    permission="invoices:read",
    summary="All invoices as a table",
    response_class=Response,
    openapi_extra={"responses": {"200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
async def export_invoices(ctx: Caller) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="invoices.csv"'}
    return StreamingResponse(invoice_lists.export_csv(ctx), headers=headers, media_type="text/csv; charset=utf-8")


@door.get("/invoices/{invoice_id}", permission="invoices:read", summary="One invoice with its lines", refusals=(InvoiceNotFound,))
async def get_invoice(ctx: Caller, invoice_id: UUID) -> InvoiceInFull:
    return await invoice_lists.get_invoice(ctx, invoice_id=invoice_id)


@door.get(
    "/invoices/{invoice_id}/pdf",
    permission="invoices:read",
    summary="An invoice as a PDF",
    refusals=(InvoiceNotFound, InvoiceNotRendered),
    response_class=Response,
    openapi_extra=PDF,
)
async def get_invoice_pdf(ctx: Caller, invoice_id: UUID) -> Response:
    return _paper(*await invoice_papers.open_pdf(ctx, invoice_id=invoice_id))


@door.get(
    "/credit-notes/{credit_note_id}/pdf",
    permission="invoices:read",
    summary="A credit note as a PDF",
    refusals=(InvoiceNotFound, InvoiceNotRendered),
    response_class=Response,
    openapi_extra=PDF,
)
async def get_credit_note_pdf(ctx: Caller, credit_note_id: UUID) -> Response:
    return _paper(*await invoice_papers.open_credit_note_pdf(ctx, credit_note_id=credit_note_id))


@door.post(
    "/operators/workspaces/{workspace_id}/invoices/{invoice_id}/credit-notes",
    permission=OPERATOR,
    key_use="none",
    status=201,
    summary="Take back all or part of an invoice",
    refusals=(InvoiceNotFound, CreditExceedsInvoice, InvoiceSettled),
)
async def issue_credit_note(ctx: Caller, workspace_id: UUID, invoice_id: UUID, body: NewCreditNote) -> CreditNote:
    return await crediting.issue_credit_note(ctx.for_workspace(workspace_id), invoice_id=invoice_id, wanted=body)


def _paper(number: str, blob: Blob) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{number}.pdf"', "Content-Length": str(blob.end_byte - blob.first_byte)}
    return StreamingResponse(blob.chunks, headers=headers, media_type="application/pdf")

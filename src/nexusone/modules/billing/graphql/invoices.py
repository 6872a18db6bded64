"""GraphQL door of invoices."""

from typing import cast, get_args
from uuid import UUID

import strawberry

from nexusone.kernel.errors import FieldError, Unprocessable
from nexusone.kernel.money import Money
from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.billing.contracts.invoices import Invoice, InvoiceLine, InvoiceStateName
from nexusone.modules.billing.service import invoice_lists
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="Money", description="An amount in minor units, as a text because it can be larger than GraphQL's integers.")
class MoneyType:
    """The fields of the REST form."""

    amount: str
    currency: str


@strawberry.type(name="InvoiceLine", description="A line of an invoice: net before tax, and its share of the tax.")
class InvoiceLineType:
    """The fields of the REST form."""

    position: int
    kind: str
    description: str
    quantity: str
    net: MoneyType
    tax: MoneyType


@strawberry.type(name="Invoice", description="An invoice; its lines are asked for one invoice at a time.")
class InvoiceType:
    """The fields of the REST list."""

    id: UUID
    number: str
    state: str
    net: MoneyType
    tax: MoneyType
    total: MoneyType
    credited: MoneyType
    issued_at: str
    due_at: str
    has_pdf: bool


@strawberry.type(name="InvoicePage", description="A page of invoices, newest first.")
class InvoicePageType:
    """The REST page."""

    items: list[InvoiceType]
    next_cursor: str | None


@strawberry.type(name="InvoiceInFull", description="An invoice with its lines.")
class InvoiceInFullType:
    """The fields of the REST resource that differ from the list."""

    invoice: InvoiceType
    lines: list[InvoiceLineType]


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None, state: str | None = None) -> InvoicePageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="invoices", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await invoice_lists.list_invoices(ctx, state=_state(state), request=paging.request)
    return InvoicePageType(items=[_invoice(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> InvoiceInFullType:  # noqa: A002 - the argument's name on the wire
    found = await invoice_lists.get_invoice(info.context.ctx, invoice_id=id)
    return InvoiceInFullType(invoice=_invoice(found.invoice), lines=[_line(line) for line in found.lines])


def _state(text: str | None) -> InvoiceStateName | None:
    if text is not None and text not in get_args(InvoiceStateName):
        fault = FieldError(pointer="#query/state", code="state_unknown", detail="there is no such state of invoices")
        raise Unprocessable(errors=(fault,), count=1)
    return cast("InvoiceStateName | None", text)


def _money(money: Money) -> MoneyType:
    return MoneyType(amount=str(money.amount), currency=money.currency)


def _invoice(item: Invoice) -> InvoiceType:
    return InvoiceType(
        id=item.id,
        number=item.number,
        state=item.state,
        net=_money(item.net),
        tax=_money(item.tax),
        total=_money(item.total),
        credited=_money(item.credited),
        issued_at=item.issued_at.isoformat(),
        due_at=item.due_at.isoformat(),
        has_pdf=item.has_pdf,
    )


def _line(line: InvoiceLine) -> InvoiceLineType:
    return InvoiceLineType(
        position=line.position,
        kind=line.kind,
        description=line.description,
        quantity=str(line.quantity),
        net=_money(line.net),
        tax=_money(line.tax),
    )


@strawberry.type
class InvoicesQuery:
    """Fields of the Query type about invoices."""

    invoices: InvoicePageType = strawberry.field(
        resolver=_list, description="Invoices, newest first.", permission_classes=needs("invoices:read")
    )
    invoice: InvoiceInFullType = strawberry.field(
        resolver=_one, description="One invoice with its lines.", permission_classes=needs("invoices:read")
    )

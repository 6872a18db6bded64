"""The gateways there are, by name, and who a workspace is at each."""

from uuid import UUID

from nexusone.modules.billing.ports import PaymentGateway, PaymentGateways
from nexusone.modules.billing.service.refusals_payments import GatewayUnknown, PaymentsNotForTests
from nexusone.modules.billing.store import payments_methods
from nexusone.modules.billing.store.profiles import find_profile
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

NONE = PaymentGateways(by_name={})


def gateways(ctx: Context) -> PaymentGateways:
    """All gateways of this process; none where no vendor is set up."""
    found = ctx.runtime.ports.get(PaymentGateways, NONE)
    return found if isinstance(found, PaymentGateways) else NONE


def chosen(ctx: Context, *, name: str | None) -> tuple[str, PaymentGateway]:
    """A gateway by name, or the first. Raises: GatewayUnknown."""
    known = gateways(ctx).by_name
    wanted = name if name is not None else next(iter(known), "")
    if wanted not in known:
        raise GatewayUnknown(name=wanted, known=", ".join(known))
    return wanted, known[wanted]


def refuse_tests(ctx: Context) -> None:
    """In live mode a test key would buy real credits with simulated money. Raises: PaymentsNotForTests."""
    if ctx.is_test and ctx.setting(PlatformSettings).mode == "live":
        raise PaymentsNotForTests


async def customer_at(ctx: Context, *, gateway: str) -> str:
    """Who the workspace is at a vendor; it is introduced there the first time."""
    async with ctx.transaction("billing") as tx:
        known = await payments_methods.find_customer(tx, workspace_id=ctx.workspace, gateway=gateway)
        profile = await find_profile(tx, workspace_id=ctx.workspace)
    if known is not None:
        return known
    _, vendor = chosen(ctx, name=gateway)
    name, email = (profile.legal_name, profile.email) if profile else (f"Workspace {ctx.workspace}", None)
    customer = await vendor.open_customer(key=ctx.workspace.hex, email=email or None, name=name)
    async with ctx.transaction("billing") as tx:
        await payments_methods.insert_customer(tx, workspace_id=ctx.workspace, gateway=gateway, customer=customer, now=ctx.now())
        return await payments_methods.find_customer(tx, workspace_id=ctx.workspace, gateway=gateway) or customer


async def workspaces_of(ctx: Context, *, gateway: str, customer: str) -> list[UUID]:
    """Whose payer that is; takes the system context."""
    async with ctx.transaction("system") as tx:
        return await payments_methods.list_workspaces_of_customer(tx, gateway=gateway, customer=customer)

"""The catalogue the product comes with: read from its file, and written to the database once for each of its texts."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from nexusone.kernel.contract import Contract, Key
from nexusone.modules.billing.contracts.plans import Country, Currency, LocaleTag, NewPlanVersion
from nexusone.modules.billing.service.plan_versions import check_version, write_version
from nexusone.modules.billing.settings import BillingSettings
from nexusone.modules.billing.store import plan_writing
from nexusone.modules.billing.store.plan_writing import NewPlan, NewPriceList
from nexusone.platform.audit import record
from nexusone.platform.database import Transaction
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings

FILE: Final = Path(__file__).with_suffix(".toml")


class CataloguePriceList(Contract):
    """A price list in the file."""

    code: Key
    currency: Currency
    countries: list[Country]
    is_default: bool = False


class CataloguePlan(Contract):
    """A plan in the file, with the version that counts now."""

    code: Key
    names: dict[LocaleTag, str]
    position: Annotated[int, Field(ge=0)]
    is_public: bool = True
    version: NewPlanVersion


class Catalogue(Contract):
    """The file."""

    price_lists: list[CataloguePriceList]
    plans: list[CataloguePlan]


class PlanCatalogue:
    """What a process knows of the catalogue: its content, and whether the database has it."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        self._is_written = False

    async def be_written(self, ctx: Context) -> None:
        """Writes what the database does not have yet; asks once a process. No transaction may be open."""
        if self._is_written:
            return
        content = read_catalogue(self._file)
        async with ctx.runtime.system().transaction("billing") as tx:
            await plan_writing.lock(tx)
            await _write(ctx, tx, content)
        self._is_written = True


def read_catalogue(file: Path) -> Catalogue:
    """The content of a file. Raises: ValidationError, TOMLDecodeError, PlanFaulty."""
    content = TypeAdapter(Catalogue).validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    for plan in content.plans:
        check_version(plan.version, price_lists={known.code for known in content.price_lists})
    return content


def default_plan(ctx: Context) -> str:
    """The plan of workspaces without a subscription."""
    chosen = ctx.setting(BillingSettings).default_plan
    return chosen or ("sandbox" if ctx.setting(PlatformSettings).mode == "sandbox" else "free")


async def _write(ctx: Context, tx: Transaction, content: Catalogue) -> None:
    now = ctx.now()
    for wanted in content.price_lists:
        await plan_writing.insert_price_list(tx, NewPriceList(**wanted.model_dump()), now=now)
    for plan in content.plans:
        await plan_writing.insert_plan(tx, NewPlan(**plan.model_dump(exclude={"version"})), now=now)
        source = _hash(plan.version)
        if await plan_writing.has_source(tx, code=plan.code, source_hash=source):
            continue
        made = await write_version(tx, plan.version, code=plan.code, source_hash=source, now=now)
        await plan_writing.publish_version(tx, version_id=made.id, now=now)
        await record(
            tx,
            action="billing.plan.published",
            object_kind="plan",
            object_id=plan.code,
            after={"number": made.number, "source": "catalogue"},
        )


def _hash(version: NewPlanVersion) -> bytes:
    return hashlib.sha256(json.dumps(version.model_dump(mode="json"), sort_keys=True).encode()).digest()

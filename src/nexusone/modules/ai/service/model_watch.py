"""Models that their vendors are about to end: told to operators while they are in use."""

from datetime import timedelta

import structlog

from nexusone.modules.ai.domain.catalog import retiring_models
from nexusone.modules.ai.service.model_overrides import ModelOverrides, check_overrides
from nexusone.modules.ai.service.models import catalog, unchanged_catalog
from nexusone.modules.ai.service.own_keys import connectable
from nexusone.modules.ai.store import model_use
from nexusone.platform.runtime import Context
from nexusone.platform.telemetry import Metrics

TOLD_BEFORE = timedelta(days=30)
IN_USE_WITHIN = timedelta(days=30)

_log = structlog.get_logger(__name__)


def check_catalog(ctx: Context) -> None:
    """Whether the deployment's words on models are of models that there are.

    Raises:
        SettingsFileInvalid: they are not; with what there is.
    """
    vendors = [vendor.name for vendor in connectable(ctx)]
    check_overrides(ctx.runtime.port(ModelOverrides), unchanged_catalog(ctx), vendors=vendors)


async def watch_models(ctx: Context) -> None:
    """Looks which of the models that were used of late, or are asked by default, retire soon; running twice tells it twice."""
    async with ctx.transaction("system") as tx:
        used = await model_use.list_used(tx, since=ctx.now() - IN_USE_WITHIN)
    amounts = {(row.vendor, row.model): row.generations for row in used}
    retiring = retiring_models(catalog(ctx), today=ctx.now().date(), within=TOLD_BEFORE, used=amounts.keys())
    for card in retiring:
        generations = amounts.get((card.vendor, card.name), 0)
        _log.error("models.retiring", vendor=card.vendor, model=card.name, retires_on=card.retires_on, generations=generations)
    ctx.runtime.port(Metrics).models_retiring(len(retiring))

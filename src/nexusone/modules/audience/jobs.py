"""Later work of audience."""

from nexusone.kernel.errors import Refusal
from nexusone.modules.audience.service import import_run
from nexusone.modules.audience.service.imports import RUN_IMPORT, RunImport
from nexusone.platform.jobs import JobKind
from nexusone.platform.runtime import Context


async def run_import(ctx: Context, payload: RunImport) -> None:
    await import_run.run_import(ctx, import_id=payload.import_id)


async def refuse_import(ctx: Context, payload: RunImport, refusal: Refusal) -> None:
    """Whoever sent the file lost the right to."""
    await import_run.refuse_import(ctx, import_id=payload.import_id, code=refusal.code)


JOBS = (
    JobKind(
        name=RUN_IMPORT,
        payload=RunImport,
        handler=run_import,
        timeout_seconds=3 * 3600.0,
        permission="contacts:write",
        on_refused=refuse_import,
    ),
)

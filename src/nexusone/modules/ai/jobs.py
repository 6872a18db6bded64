"""Later work of ai: making what was queued, indexing documents, and looking after what was left open."""

from nexusone.kernel.errors import Refusal
from nexusone.modules.ai.contracts.assets import AssetFilesDeletion
from nexusone.modules.ai.contracts.generations import GenerationWork
from nexusone.modules.ai.contracts.knowledge import IndexDocument
from nexusone.modules.ai.contracts.pipeline_runs import PipelineRunWork
from nexusone.modules.ai.domain.embedding import NEVER_INDEXED
from nexusone.modules.ai.domain.lifecycle import LOOK_JOB, gave_up
from nexusone.modules.ai.service import indexing
from nexusone.modules.ai.service.attending import attend_due
from nexusone.modules.ai.service.endings import end
from nexusone.modules.ai.service.generations import WRITE_JOB
from nexusone.modules.ai.service.indexing_beginnings import INDEX_JOB
from nexusone.modules.ai.service.indexing_endings import attend_indexings, end_indexing
from nexusone.modules.ai.service.library import DELETE_FILES_JOB, delete_files
from nexusone.modules.ai.service.making import MAKE_JOB, look, make_queued
from nexusone.modules.ai.service.model_watch import watch_models
from nexusone.modules.ai.service.pipeline_advancing import ADVANCE_JOB, advance, attend_due_runs
from nexusone.modules.ai.service.storage_usage import report_storage
from nexusone.modules.ai.service.writing import write_queued
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Context


async def write_generation(ctx: Context, payload: GenerationWork) -> None:
    """Writes a queued text; running twice asks the model once."""
    await write_queued(ctx, generation_id=payload.generation_id)


async def make_generation(ctx: Context, payload: GenerationWork) -> None:
    """Asks for a queued file; running twice asks once."""
    await make_queued(ctx, generation_id=payload.generation_id)


async def look_at_generation(ctx: Context, payload: GenerationWork) -> None:
    """Looks what a vendor has made of it; running twice changes nothing."""
    await look(ctx, generation_id=payload.generation_id)


async def give_up_generation(ctx: Context, payload: GenerationWork, _: Refusal) -> None:
    """Whoever asked for it lost the right to: nothing is made, and nothing is paid."""
    await end(ctx, generation_id=payload.generation_id, outcome=gave_up(), if_queued=True)


WRITE_GENERATION = JobKind(
    name=WRITE_JOB,
    payload=GenerationWork,
    handler=write_generation,
    timeout_seconds=900.0,
    permission="generations:write",
    on_refused=give_up_generation,
)

MAKE_GENERATION = JobKind(
    name=MAKE_JOB,
    payload=GenerationWork,
    handler=make_generation,
    timeout_seconds=900.0,
    permission="generations:write",
    on_refused=give_up_generation,
)

# What was asked for is looked after to its end, whoever asked for it.
LOOK_AT_GENERATION = JobKind(name=LOOK_JOB, payload=GenerationWork, handler=look_at_generation, timeout_seconds=900.0, is_completion=True)

ATTEND_GENERATIONS = Schedule(name="ai.attend_generations", cron="* * * * *", handler=attend_due)


async def index_document(ctx: Context, payload: IndexDocument) -> None:
    """Gives a document's passages their vectors; running twice pays for none of them twice."""
    await indexing.index_document(ctx, indexing_id=payload.indexing_id)


async def give_up_indexing(ctx: Context, payload: IndexDocument, _: Refusal) -> None:
    """Whoever gave the document lost the right to: nothing more is compared, and what was is paid for."""
    await end_indexing(ctx, indexing_id=payload.indexing_id, error=(NEVER_INDEXED, "whoever gave the document may not any more"))


INDEX_DOCUMENT = JobKind(
    name=INDEX_JOB,
    payload=IndexDocument,
    handler=index_document,
    timeout_seconds=3_600.0,
    permission="knowledge:write",
    on_refused=give_up_indexing,
)

ATTEND_INDEXINGS = Schedule(name="ai.attend_indexings", cron="* * * * *", handler=attend_indexings)


REPORT_STORAGE = Schedule(name="ai.report_storage", cron="7 * * * *", handler=report_storage)
WATCH_MODELS = Schedule(name="ai.watch_models", cron="23 5 * * *", handler=watch_models)


async def delete_asset_files(ctx: Context, payload: AssetFilesDeletion) -> None:
    """Deletes the files of an asset that is gone."""
    await delete_files(ctx, asset_id=payload.asset_id)


DELETE_ASSET_FILES = JobKind(
    name=DELETE_FILES_JOB, payload=AssetFilesDeletion, handler=delete_asset_files, is_completion=True, tends_workspace=True
)


async def advance_pipeline_run(ctx: Context, payload: PipelineRunWork) -> None:
    """Moves a run on; running twice, or at the same time, begins each step once."""
    await advance(ctx, run_id=payload.run_id)


# Whoever started a run is asked for anew by the run itself, whatever it was that woke it.
ADVANCE_PIPELINE_RUN = JobKind(
    name=ADVANCE_JOB, payload=PipelineRunWork, handler=advance_pipeline_run, timeout_seconds=600.0, is_completion=True
)

ATTEND_PIPELINE_RUNS = Schedule(name="ai.attend_pipeline_runs", cron="* * * * *", handler=attend_due_runs)

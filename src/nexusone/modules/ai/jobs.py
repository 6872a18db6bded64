"""Later work of ai: writing what was queued, indexing documents, and looking after what was left open."""

from nexusone.kernel.errors import Refusal
from nexusone.modules.ai.contracts.assets import AssetFilesDeletion
from nexusone.modules.ai.contracts.generations import WriteGeneration
from nexusone.modules.ai.contracts.knowledge import IndexDocument
from nexusone.modules.ai.domain.embedding import NEVER_INDEXED
from nexusone.modules.ai.domain.lifecycle import gave_up
from nexusone.modules.ai.service import indexing
from nexusone.modules.ai.service.endings import attend_due, end
from nexusone.modules.ai.service.generations import WRITE_JOB
from nexusone.modules.ai.service.indexing_beginnings import INDEX_JOB
from nexusone.modules.ai.service.indexing_endings import attend_indexings, end_indexing
from nexusone.modules.ai.service.library import DELETE_FILES_JOB, delete_files
from nexusone.modules.ai.service.writing import write_queued
from nexusone.platform.jobs import JobKind, Schedule
from nexusone.platform.runtime import Context


async def write_generation(ctx: Context, payload: WriteGeneration) -> None:
    """Writes a queued generation; running twice asks the model once."""
    await write_queued(ctx, generation_id=payload.generation_id)


async def give_up_generation(ctx: Context, payload: WriteGeneration, _: Refusal) -> None:
    """Whoever asked for it lost the right to: nothing is written, and nothing is paid."""
    await end(ctx, generation_id=payload.generation_id, outcome=gave_up())


WRITE_GENERATION = JobKind(
    name=WRITE_JOB,
    payload=WriteGeneration,
    handler=write_generation,
    timeout_seconds=900.0,
    permission="generations:write",
    on_refused=give_up_generation,
)

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


async def delete_asset_files(ctx: Context, payload: AssetFilesDeletion) -> None:
    """Deletes the files of an asset that is gone."""
    await delete_files(ctx, asset_id=payload.asset_id)


DELETE_ASSET_FILES = JobKind(
    name=DELETE_FILES_JOB, payload=AssetFilesDeletion, handler=delete_asset_files, is_completion=True, tends_workspace=True
)

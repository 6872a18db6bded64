"""How other modules ask ai."""

from uuid import UUID

from nexusone.modules.ai.contracts.assets import Asset
from nexusone.modules.ai.contracts.generations import Generation, NewMedia, NewText
from nexusone.modules.ai.contracts.tasks import NewTaskRun, TaskRun
from nexusone.modules.ai.service import generations, library, tasks
from nexusone.modules.ai.service.model_watch import check_catalog
from nexusone.modules.ai.service.refusals import GenerationNotFound, ModelCannot, ModelUnknown, NoTextModel, OutputSchemaInvalid
from nexusone.modules.ai.service.refusals_assets import AssetNotFound
from nexusone.modules.ai.service.refusals_tasks import TaskInputInvalid, TaskNotFound
from nexusone.modules.ai.service.refusals_voices import BrandVoiceNotFound
from nexusone.platform.runtime import Context

__all__ = [
    "AssetNotFound",
    "BrandVoiceNotFound",
    "GenerationNotFound",
    "ModelCannot",
    "ModelUnknown",
    "NoTextModel",
    "OutputSchemaInvalid",
    "TaskInputInvalid",
    "TaskNotFound",
    "check_catalog",
    "generate_text",
    "get_asset",
    "get_generation",
    "submit_generation",
    "submit_task",
]


async def generate_text(ctx: Context, *, wanted: NewText, job: str | None = None) -> Generation:
    """Writes and pays; a generation that takes long comes back as running, one that went wrong as failed or unknown.

    `job` is the larger work that it is part of, whose caps it counts against.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
    """
    return await generations.generate(ctx, wanted=wanted, job=job)


async def submit_generation(ctx: Context, *, wanted: NewText | NewMedia, job: str | None = None) -> Generation:
    """Reserves now and makes it by a job; what became of it is told by the events of ai.

    Raises:
        OutputSchemaInvalid, ModelUnknown, ModelCannot, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
    """
    return await generations.submit(ctx, wanted=wanted, job=job)


async def submit_task(ctx: Context, *, name: str, wanted: NewTaskRun, job: str | None = None) -> TaskRun:
    """Queues a content task: a generation for each language and part; what became of each is told by the events of ai.

    Raises:
        TaskNotFound, TaskInputInvalid, BrandVoiceNotFound, ModelUnknown, NoTextModel: nothing was begun.
        InsufficientCredits: not even one of them can be paid.
    """
    return await tasks.submit_task(ctx, name=name, wanted=wanted, job=job)


async def get_generation(ctx: Context, *, generation_id: UUID) -> Generation:
    """One generation.

    Raises:
        GenerationNotFound: there is none in this workspace.
    """
    return await generations.get_generation(ctx, generation_id=generation_id)


async def get_asset(ctx: Context, *, asset_id: UUID) -> Asset:
    """A file of the media library; whoever publishes one with `is_ai_generated` says so where people see it.

    Raises:
        AssetNotFound: there is none in this workspace.
    """
    return await library.get_asset(ctx, asset_id=asset_id)

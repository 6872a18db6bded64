"""How other modules ask ai."""

from uuid import UUID

from nexusone.modules.ai.contracts import Generation, NewGeneration
from nexusone.modules.ai.service import generations
from nexusone.modules.ai.service.refusals import GenerationNotFound, ModelUnknown, NoTextModel, OutputSchemaInvalid
from nexusone.platform.runtime import Context

__all__ = [
    "GenerationNotFound",
    "ModelUnknown",
    "NoTextModel",
    "OutputSchemaInvalid",
    "generate_text",
    "get_generation",
]


async def generate_text(ctx: Context, *, wanted: NewGeneration) -> Generation:
    """Writes and pays; a generation that takes long comes back as running, one that went wrong as failed or unknown.

    Raises:
        OutputSchemaInvalid, ModelUnknown, NoTextModel: nothing was begun.
        InsufficientCredits: the most that it can cost is not available.
        PurposeStopped: the margin is too low, and no cheaper model can write it.
    """
    return await generations.generate(ctx, wanted=wanted)


async def get_generation(ctx: Context, *, generation_id: UUID) -> Generation:
    """One generation.

    Raises:
        GenerationNotFound: there is none in this workspace.
    """
    return await generations.get_generation(ctx, generation_id=generation_id)

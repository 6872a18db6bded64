"""GraphQL door of ai."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from nexusone.kernel.errors import InvalidRequest
from nexusone.kernel.page import PAGE_SIZE, PAGE_SIZE_MAX, PageRequest
from nexusone.modules.ai.contracts import Generation
from nexusone.modules.ai.service import generations
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import read_cursor, write_cursor

CURSOR_PURPOSE = "generations"


@strawberry.type(name="GenerationError", description="Why a generation failed or is unknown.")
class GenerationErrorType:
    """`code` is stable, `detail` a sentence."""

    code: str
    detail: str


@strawberry.type(name="Generation", description="One piece of machine-written text; credits are decimal strings.")
class GenerationType:
    """The fields of the REST resource; `output` is a string or an object."""

    id: UUID
    kind: str
    status: str
    prompt: str
    locale: str
    model: str
    asked_model: str | None
    output: JSON | None
    finish_reason: str | None
    error: GenerationErrorType | None
    credits: str
    input_tokens: int
    output_tokens: int
    created_at: datetime
    finished_at: datetime | None
    generated: bool


@strawberry.type(name="GenerationPage", description="A page of generations, newest first.")
class GenerationPageType:
    """`next_cursor` is null on the last page."""

    items: list[GenerationType]
    next_cursor: str | None


async def _list_generations(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> GenerationPageType:
    ctx = info.context.ctx
    if not 1 <= limit <= PAGE_SIZE_MAX:
        raise InvalidRequest(reason=f"limit is between 1 and {PAGE_SIZE_MAX}")
    key, purpose = ctx.runtime.keys.derive_steady("cursor"), f"{ctx.workspace_id}:{CURSOR_PURPOSE}".encode()
    after = None if cursor is None else read_cursor(cursor, key=key, purpose=purpose)
    if cursor is not None and after is None:
        raise InvalidRequest(reason="this cursor was not given out for this list")
    found = await generations.list_generations(ctx, request=PageRequest(limit=limit, after=after))
    following = None if found.next_after is None else write_cursor(found.next_after, key=key, purpose=purpose)
    return GenerationPageType(items=[_generation(item) for item in found.items], next_cursor=following)


async def _get_generation(info: GraphqlInfo, id: UUID) -> GenerationType:  # noqa: A002 - the argument's name on the wire
    return _generation(await generations.get_generation(info.context.ctx, generation_id=id))


def _generation(made: Generation) -> GenerationType:
    error = None if made.error is None else GenerationErrorType(code=made.error.code, detail=made.error.detail)
    return GenerationType(
        id=made.id,
        kind=made.kind,
        status=made.status,
        prompt=made.prompt,
        locale=made.locale,
        model=made.model,
        asked_model=made.asked_model,
        output=None if made.output is None else JSON(made.output),
        finish_reason=made.finish_reason,
        error=error,
        credits=made.credits,
        input_tokens=made.usage.input_tokens,
        output_tokens=made.usage.output_tokens,
        created_at=made.created_at,
        finished_at=made.finished_at,
        generated=made.provenance.generated,
    )


@strawberry.type
class AiQuery:
    """What can be asked of ai."""

    generations: GenerationPageType = strawberry.field(
        resolver=_list_generations, description="Generations, newest first.", permission_classes=needs("generations:read")
    )
    generation: GenerationType = strawberry.field(
        resolver=_get_generation, description="One generation.", permission_classes=needs("generations:read")
    )

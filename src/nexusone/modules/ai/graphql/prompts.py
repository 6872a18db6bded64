"""GraphQL door of prompt templates."""

from datetime import datetime
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from nexusone.kernel.page import PAGE_SIZE
from nexusone.modules.ai.contracts.prompts import Prompt, PromptSummary
from nexusone.modules.ai.service import prompts
from nexusone.web.graphql import GraphqlInfo, needs
from nexusone.web.paging import paging_of


@strawberry.type(name="PromptSummary", description="A prompt template without its texts.")
class PromptSummaryType:
    """The fields of the REST list."""

    id: UUID
    name: str
    default_locale: str
    locales: list[str]
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="Prompt", description="A prompt template; `variables` by name, `texts` by locale.")
class PromptType:
    """The fields of the REST resource."""

    id: UUID
    name: str
    default_locale: str
    variables: JSON
    texts: JSON
    version: int
    created_at: datetime
    updated_at: datetime


@strawberry.type(name="PromptPage", description="A page of prompt templates, newest first.")
class PromptPageType:
    """`next_cursor` is null on the last page."""

    items: list[PromptSummaryType]
    next_cursor: str | None


async def _list(info: GraphqlInfo, limit: int = PAGE_SIZE, cursor: str | None = None) -> PromptPageType:
    ctx = info.context.ctx
    paging = paging_of(ctx, list_name="graphql.prompts", limit=limit, cursor=cursor, key=ctx.runtime.keys.derive_steady("cursor"))
    found = await prompts.list_prompts(ctx, request=paging.request)
    return PromptPageType(items=[_summary(item) for item in found.items], next_cursor=paging.cursor(found.next_after))


async def _one(info: GraphqlInfo, id: UUID) -> PromptType:  # noqa: A002 - the argument's name on the wire
    return _prompt(await prompts.get_prompt(info.context.ctx, prompt_id=id))


def _summary(item: PromptSummary) -> PromptSummaryType:
    return PromptSummaryType(
        id=item.id,
        name=item.name,
        default_locale=item.default_locale,
        locales=item.locales,
        version=item.version,
        created_at=item.created_at,
        updated_at=item.updated_at,
    )


def _prompt(found: Prompt) -> PromptType:
    return PromptType(
        id=found.id,
        name=found.name,
        default_locale=found.default_locale,
        variables=JSON({name: variable.model_dump(mode="json") for name, variable in found.variables.items()}),
        texts=JSON(found.texts),
        version=found.version,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


@strawberry.type
class PromptsQuery:
    """Fields of the Query type about prompt templates."""

    prompts: PromptPageType = strawberry.field(
        resolver=_list, description="Prompt templates, newest first.", permission_classes=needs("prompts:read")
    )
    prompt: PromptType = strawberry.field(resolver=_one, description="One prompt template.", permission_classes=needs("prompts:read"))

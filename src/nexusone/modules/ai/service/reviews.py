"""Reviews: seen and decided by members, or by whoever has the link, which expires and needs no account."""

from datetime import datetime
from uuid import UUID

from nexusone.kernel.ids import new_id
from nexusone.modules.ai.contracts.pipeline_runs import (
    Decision,
    MemberReview,
    NewReviewComment,
    PipelineRunWork,
    Review,
    ReviewAsset,
    ReviewComment,
    ReviewDecision,
    ReviewState,
)
from nexusone.modules.ai.service.library import get_asset
from nexusone.modules.ai.service.pipeline_collecting import fail, succeed
from nexusone.modules.ai.service.pipelines import definition_of, get_version_row
from nexusone.modules.ai.service.refusals_assets import AssetNotFound
from nexusone.modules.ai.service.refusals_pipelines import (
    PipelineRunNotFound,
    ReviewChanged,
    ReviewClosed,
    ReviewNotFound,
    TooManyComments,
)
from nexusone.modules.ai.store import pipeline_runs, pipeline_steps, reviews
from nexusone.modules.ai.store.reviews import CommentRow, ReviewRow
from nexusone.platform.audit import record
from nexusone.platform.idempotency import conclude
from nexusone.platform.jobs import enqueue_named
from nexusone.platform.runtime import Context
from nexusone.platform.settings import PlatformSettings
from nexusone.platform.signing import SignatureInvalid

ADVANCE_JOB = "ai.advance_pipeline_run"
PURPOSE = "pipeline-review"
PAGE_PATH = "/review"
COMMENTS_MAX = 200
FEEDBACK_CHARACTERS_MAX = 4_000
STATES: dict[Decision, ReviewState] = {"approve": "approved", "reject": "rejected", "request_changes": "changes_requested"}


async def list_reviews(ctx: Context, *, run_id: UUID) -> tuple[MemberReview, ...]:
    """The reviews of a run with their links, oldest first. Raises: PipelineRunNotFound."""
    async with ctx.transaction("ai") as tx:
        if await pipeline_runs.find(tx, workspace_id=ctx.workspace, run_id=run_id) is None:
            raise PipelineRunNotFound
        rows = await reviews.list_of_run(tx, workspace_id=ctx.workspace, run_id=run_id)
        said = await reviews.list_comments(tx, workspace_id=ctx.workspace, review_ids=[row.id for row in rows])
    shown = [(row, _review(row, [comment for comment in said if comment.review_id == row.id], await _assets(ctx, row))) for row in rows]
    return tuple(MemberReview.model_validate({**dict(review), "link": link_of(ctx, row)}) for row, review in shown)


async def decide_as_member(ctx: Context, *, review_id: UUID, wanted: ReviewDecision) -> Review:
    """Decides, as the member that one is.

    Raises:
        ReviewNotFound, ReviewClosed: there is nothing to decide.
        ReviewChanged: it is about something else than what is shown.
    """
    return await _decide(ctx, await _find(ctx, review_id), wanted, label=ctx.principal.label)


async def comment_as_member(ctx: Context, *, review_id: UUID, wanted: NewReviewComment) -> Review:
    """Says something. Raises: ReviewNotFound, ReviewClosed, TooManyComments."""
    return await _comment(ctx, await _find(ctx, review_id), wanted, label=ctx.principal.label)


async def open_review(ctx: Context, *, token: str) -> Review:
    """What whoever has the link is shown, until it expires. Raises: ReviewNotFound."""
    inside, row = await _by_token(ctx, token)
    return await _with_comments(inside, row)


async def decide_by_link(ctx: Context, *, token: str, wanted: ReviewDecision) -> Review:
    """Decides, as who one says one is. Raises: as `decide_as_member`."""
    inside, row = await _by_token(ctx, token)
    return await _decide(inside, row, wanted, label=None)


async def comment_by_link(ctx: Context, *, token: str, wanted: NewReviewComment) -> Review:
    """Says something, as who one says one is. Raises: ReviewNotFound, ReviewClosed, TooManyComments."""
    inside, row = await _by_token(ctx, token)
    return await _comment(inside, row, wanted, label=None)


def link_of(ctx: Context, row: ReviewRow) -> str:
    """The address of the page of a review; nobody can guess it."""
    token = ctx.runtime.keys.signing_keys(PURPOSE).sign(f"{ctx.workspace.hex}{row.id.hex}".encode())
    return f"{ctx.setting(PlatformSettings).public_address}{PAGE_PATH}/{token}"


async def _by_token(ctx: Context, token: str) -> tuple[Context, ReviewRow]:
    try:
        text = ctx.runtime.keys.signing_keys(PURPOSE).verify(token).decode()
        workspace_id, review_id = UUID(text[:32]), UUID(text[32:])
    except (SignatureInvalid, ValueError) as error:
        raise ReviewNotFound from error
    inside = ctx.for_workspace(workspace_id)
    row = await _find(inside, review_id)
    if row.expires_at <= ctx.now():
        raise ReviewNotFound
    return inside, row


async def _find(ctx: Context, review_id: UUID) -> ReviewRow:
    async with ctx.transaction("ai") as tx:
        row = await reviews.find(tx, workspace_id=ctx.workspace, review_id=review_id)
    if row is None:
        raise ReviewNotFound
    return row


async def _decide(ctx: Context, row: ReviewRow, wanted: ReviewDecision, *, label: str | None) -> Review:
    now = ctx.now()
    if row.content_hash.hex() != wanted.content_sha256:
        raise ReviewChanged
    async with ctx.transaction("ai") as tx:
        found = await pipeline_runs.find(tx, workspace_id=ctx.workspace, run_id=row.run_id)
    if found is None:
        raise ReviewNotFound
    version = await get_version_row(ctx, found.pipeline_id, found.version, is_for_run=True)
    definition = next(step for step in definition_of(version.definition).steps if step.id == row.step)
    assets = await _assets(ctx, row)
    async with ctx.transaction("ai") as tx:
        run = await pipeline_runs.find_locked(tx, workspace_id=ctx.workspace, run_id=row.run_id)
        if run is None or run.status != "running" or row.expires_at <= now:
            raise ReviewClosed(state=row.state)
        state = STATES[wanted.decision]
        decided = await reviews.decide(
            tx, workspace_id=ctx.workspace, review_id=row.id, state=state, name=wanted.name, label=label, now=now
        )
        if decided is None:
            raise ReviewClosed(state=row.state)
        if wanted.comment is not None:
            await reviews.add_comment(
                tx, _said(row, wanted.name, label, wanted.comment, now), workspace_id=ctx.workspace, comment_id=new_id()
            )
        rows = await pipeline_steps.list_rows(tx, workspace_id=ctx.workspace, run_id=row.run_id)
        step = next(step for step in rows if (step.step, step.item) == (row.step, row.item))
        if wanted.decision == "approve":
            told = {"decision": state, "by": wanted.name, "content_sha256": row.content_hash.hex(), "comment": wanted.comment}
            await succeed(tx, run, step, {"output": told}, now=now)
        else:
            await pipeline_runs.say(
                tx, workspace_id=ctx.workspace, run_id=run.id, feedback=(wanted.comment or "")[:FEEDBACK_CHARACTERS_MAX]
            )
            await fail(tx, run, definition, step, f"ai.review_{state}", f"{wanted.name}: {wanted.comment or wanted.decision}", now=now)
        after = {"state": state, "reviewer": wanted.name, "content_sha256": row.content_hash.hex()}
        await record(tx, action="ai.review.decided", object_kind="review", object_id=str(row.id), before={"state": "open"}, after=after)
        await enqueue_named(tx, [(ADVANCE_JOB, PipelineRunWork(run_id=run.id))], key=f"{row.id}:decided")
        comments = await reviews.list_comments(tx, workspace_id=ctx.workspace, review_ids=[row.id])
        answer = _review(decided, comments, assets)
        await conclude(tx, answer)
    return answer


async def _comment(ctx: Context, row: ReviewRow, wanted: NewReviewComment, *, label: str | None) -> Review:
    if row.state != "open" or row.expires_at <= ctx.now():
        raise ReviewClosed(state=row.state)
    assets = await _assets(ctx, row)
    async with ctx.transaction("ai") as tx:
        if await reviews.count_comments(tx, workspace_id=ctx.workspace, review_id=row.id) >= COMMENTS_MAX:
            raise TooManyComments(limit=COMMENTS_MAX)
        said = _said(row, wanted.name, label, wanted.text, ctx.now())
        await reviews.add_comment(tx, said, workspace_id=ctx.workspace, comment_id=new_id())
        await record(tx, action="ai.review.commented", object_kind="review", object_id=str(row.id), after={"author": wanted.name})
        comments = await reviews.list_comments(tx, workspace_id=ctx.workspace, review_ids=[row.id])
        answer = _review(row, comments, assets)
        await conclude(tx, answer)
    return answer


async def _with_comments(ctx: Context, row: ReviewRow) -> Review:
    async with ctx.transaction("ai") as tx:
        comments = await reviews.list_comments(tx, workspace_id=ctx.workspace, review_ids=[row.id])
    return _review(row, comments, await _assets(ctx, row))


async def _assets(ctx: Context, row: ReviewRow) -> tuple[ReviewAsset, ...]:
    found = [await _asset(ctx, asset_id) for asset_id in row.asset_ids]
    return tuple(asset for asset in found if asset is not None)


def _review(row: ReviewRow, comments: list[CommentRow], assets: tuple[ReviewAsset, ...]) -> Review:
    return Review(
        id=row.id,
        run_id=row.run_id,
        step=row.step,
        item=row.item if row.item >= 0 else None,
        title=row.title,
        state=row.state,
        content=row.content,
        assets=assets,
        content_sha256=row.content_hash.hex(),
        reviewer=row.reviewer_name,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        comments=tuple(
            ReviewComment(
                author=comment.author_name, is_member=comment.author_label is not None, text=comment.text, created_at=comment.created_at
            )
            for comment in comments
        ),
    )


async def _asset(ctx: Context, asset_id: UUID) -> ReviewAsset | None:
    try:
        found = await get_asset(ctx, asset_id=asset_id)
    except AssetNotFound:
        return None
    return ReviewAsset(
        id=found.id,
        kind=found.kind,
        name=found.name,
        alt_text=found.alt_text,
        content_url=found.content_url,
        is_ai_generated=found.is_ai_generated,
    )


def _said(row: ReviewRow, name: str, label: str | None, text: str, now: datetime) -> CommentRow:
    return CommentRow(review_id=row.id, author_name=name, author_label=label, text=text, created_at=now)

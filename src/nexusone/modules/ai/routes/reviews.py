"""Doors of reviews: for members, and without an account for whoever has the link."""

from typing import Annotated
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import Path, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from nexusone.kernel.errors import PayloadTooLarge
from nexusone.kernel.page import Page
from nexusone.modules.ai.contracts.pipeline_runs import MemberReview, NewReviewComment, Review, ReviewDecision
from nexusone.modules.ai.domain.review_page import CONTENT_SECURITY_POLICY, missing_page, review_page
from nexusone.modules.ai.service import reviews
from nexusone.modules.ai.service.refusals_pipelines import (
    PipelineRunNotFound,
    ReviewChanged,
    ReviewClosed,
    ReviewNotFound,
    TooManyComments,
)
from nexusone.web.caller import Caller
from nexusone.web.door import Door
from nexusone.web.gate import PUBLIC

FORM_BYTES_MAX = 32_768
HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}

Token = Annotated[str, Path(min_length=10, max_length=300)]

door = Door("reviews")
page_door = Door("reviews", prefix="")


@door.get(
    "/pipeline-runs/{run_id}/reviews",
    permission="pipelines:run",
    summary="The reviews of a pipeline run, with the links for reviewers without an account",
    refusals=(PipelineRunNotFound,),
)
async def list_reviews(ctx: Caller, run_id: UUID) -> Page[MemberReview]:
    return Page(items=list(await reviews.list_reviews(ctx, run_id=run_id)), next_cursor=None)


@door.post(
    "/pipeline-reviews/{review_id}/decision",
    permission="pipelines:run",
    summary="Approve, reject or ask for changes",
    refusals=(ReviewNotFound, ReviewClosed, ReviewChanged),
)
async def decide(ctx: Caller, review_id: UUID, body: ReviewDecision) -> Review:
    return await reviews.decide_as_member(ctx, review_id=review_id, wanted=body)


@door.post(
    "/pipeline-reviews/{review_id}/comments",
    permission="pipelines:run",
    status=201,
    summary="Say something about what is reviewed",
    refusals=(ReviewNotFound, ReviewClosed, TooManyComments),
)
async def comment(ctx: Caller, review_id: UUID, body: NewReviewComment) -> Review:
    return await reviews.comment_as_member(ctx, review_id=review_id, wanted=body)


@door.get("/reviews/{token}", permission=PUBLIC, summary="What is to be approved, by its link", refusals=(ReviewNotFound,))
async def open_review(ctx: Caller, token: Token) -> Review:
    return await reviews.open_review(ctx, token=token)


@door.post(
    "/reviews/{token}/decision",
    permission=PUBLIC,
    summary="Approve, reject or ask for changes, by the link",
    refusals=(ReviewNotFound, ReviewClosed, ReviewChanged),
)
async def decide_by_link(ctx: Caller, token: Token, body: ReviewDecision) -> Review:
    return await reviews.decide_by_link(ctx, token=token, wanted=body)


@door.post(
    "/reviews/{token}/comments",
    permission=PUBLIC,
    status=201,
    summary="Say something about what is reviewed, by the link",
    refusals=(ReviewNotFound, ReviewClosed, TooManyComments),
)
async def comment_by_link(ctx: Caller, token: Token, body: NewReviewComment) -> Review:
    return await reviews.comment_by_link(ctx, token=token, wanted=body)


@page_door.get(
    "/review/{token}",
    permission=PUBLIC,
    summary="The page of a review",
    refusals=(ReviewNotFound,),
    response_class=Response,
)
async def show_page(ctx: Caller, token: Token) -> Response:
    try:
        return _page(review_page(await reviews.open_review(ctx, token=token)))
    except ReviewNotFound:
        return _page(missing_page(), status=404)


@page_door.post(
    "/review/{token}",
    permission=PUBLIC,
    summary="What somebody decided on the page of a review",
    refusals=(ReviewNotFound, PayloadTooLarge),
    response_class=Response,
)
async def answer_page(ctx: Caller, request: Request, token: Token) -> Response:
    body = await request.body()
    if len(body) > FORM_BYTES_MAX:
        raise PayloadTooLarge(limit=FORM_BYTES_MAX)
    try:
        form = {name: values[0].strip() for name, values in parse_qs(body.decode(), max_num_fields=10).items()}
        text = form.get("comment", "").replace("\r\n", "\n")
        if form.get("decision") == "comment":
            shown = await reviews.comment_by_link(ctx, token=token, wanted=NewReviewComment(name=form.get("name", ""), text=text))
        else:
            told = {name: form.get(name) for name in ("decision", "name", "content_sha256")}
            wanted = ReviewDecision.model_validate({**told, "comment": text or None})
            shown = await reviews.decide_by_link(ctx, token=token, wanted=wanted)
    except ReviewNotFound:
        return _page(missing_page(), status=404)
    except (ValidationError, ValueError):
        return await _again(ctx, token, "Please give your name, and a comment where you only comment.", status=422)
    except (ReviewClosed, ReviewChanged, TooManyComments):
        return await _again(ctx, token, "This was decided before, or what is shown has changed.", status=409)
    return _page(review_page(shown, notice="Thank you."))


async def _again(ctx: Caller, token: str, notice: str, *, status: int) -> Response:
    try:
        return _page(review_page(await reviews.open_review(ctx, token=token), notice=notice), status=status)
    except ReviewNotFound:
        return _page(missing_page(), status=404)


def _page(html: str, *, status: int = 200) -> Response:
    return HTMLResponse(html, status, HEADERS)

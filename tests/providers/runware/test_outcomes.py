"""What the vendor's answers mean, told by a server that says exactly what a test wants."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.providers.openai.serving import served
from tests.providers.runware.studio import images_at, picturing

from nexusone.kernel.outcomes import DefiniteFailure, UnknownOutcome
from nexusone.modules.ai.ports.media import Begun, Failed, Finished
from nexusone.providers.runware.client import meaning
from nexusone.providers.runware.images import RunwareImages

TASK = str(uuid4())
OTHER = str(uuid4())
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def telling(body: object, *, status: int = 200) -> AsyncIterator[RunwareImages]:
    async def answer(_: Request) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(raw, status, {"Retry-After": "7"}, media_type="application/json")

    async with served(Starlette(routes=[Route("/v1", answer, methods=["POST"])])) as address:
        model = images_at(address)
        yield model
        await model.close()


def result(**more: object) -> dict[str, object]:
    return {"taskType": "imageInference", "taskUUID": TASK, **more}


def error(code: str, *, task: str | None = TASK, kind: str = "imageInference") -> dict[str, object]:
    return {"code": code, "message": "words of the vendor", "taskUUID": task, "taskType": kind}


async def begin(model: RunwareImages) -> object:
    return await model.begin(picturing(), correlation=TASK, webhook=None)


async def look_up(model: RunwareImages) -> object:
    return await model.look_up(TASK)


async def find(model: RunwareImages) -> object:
    return await model.find(TASK, since=SINCE)


EVERY_CALL = pytest.mark.parametrize("call", [begin, look_up, find])
Call = Callable[[RunwareImages], Awaitable[object]]


@pytest.mark.parametrize(
    ("said", "code", "is_retryable"),
    [
        ("invalidApiKey", "vendor.unauthorized", False),
        ("missingApiKey", "vendor.unauthorized", False),
        ("insufficientCredits", "vendor.quota_exhausted", False),
        ("providerInsufficientCredits", "vendor.unavailable", True),
        ("rateLimitExceeded", "vendor.rate_limited", True),
        ("providerRateLimitExceeded", "vendor.rate_limited", True),
        ("invalidProviderContent", "vendor.refused_content", False),
        ("contentPolicyViolation", "vendor.refused_content", False),
        ("nsfwContentDetected", "vendor.refused_content", False),
        ("promptBlocked", "vendor.refused_content", False),
        ("timeoutProvider", "vendor.unavailable", True),
        ("providerError", "vendor.unavailable", True),
        ("internalServerError", "vendor.unavailable", True),
        ("noAvailableServer", "vendor.unavailable", True),
        ("unknownError", "vendor.unavailable", True),
        ("taskNotFound", "vendor.not_found", False),
        ("taskExpired", "vendor.not_found", False),
        ("invalidPositivePrompt", "vendor.rejected", False),
        ("mismatchProviderSettingsProvider", "vendor.rejected", False),
        ("unsupportedParameter", "vendor.rejected", False),
        ("modelNotFound", "vendor.rejected", False),
        ("somethingNew", "vendor.rejected", False),
    ],
)
def test_the_vendors_codes_have_a_meaning(said: str, code: str, is_retryable: bool) -> None:
    assert meaning(said) == (code, is_retryable)


@EVERY_CALL
@pytest.mark.parametrize(
    ("status", "code", "is_retryable"),
    [
        (401, "vendor.unauthorized", False),
        (402, "vendor.quota_exhausted", False),
        (403, "vendor.forbidden", False),
        (429, "vendor.rate_limited", True),
        (503, "vendor.unavailable", True),
        (504, "vendor.unavailable", True),
    ],
)
async def test_statuses_have_a_meaning(call: Call, status: int, code: str, is_retryable: bool) -> None:
    async with telling({"errors": [error("somethingNew", task=None, kind="authentication")]}, status=status) as model:
        with pytest.raises(DefiniteFailure) as failure:
            await call(model)
    assert (failure.value.code, failure.value.is_retryable, failure.value.retry_after_seconds) == (code, is_retryable, 7.0)
    assert "words of the vendor" in failure.value.detail


@EVERY_CALL
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_gateways_page_says_nothing(call: Call, status: int) -> None:
    async with telling(b"<html>bad gateway</html>", status=status) as model:
        with pytest.raises(UnknownOutcome):
            await call(model)


@EVERY_CALL
@pytest.mark.parametrize("told", [b"[]", b"null", b"7", b"{", b'{"data": 7', b"\xff"])
async def test_what_cannot_be_read_is_unknown(call: Call, told: bytes) -> None:
    async with telling(told) as model:
        with pytest.raises(UnknownOutcome):
            await call(model)


async def test_an_answer_without_the_task_is_unknown_when_begun_or_found_and_runs_when_looked_up() -> None:
    async with telling({"data": [result(taskUUID=OTHER)], "errors": [error("providerError", task=OTHER)]}) as model:
        with pytest.raises(UnknownOutcome):
            await begin(model)
        with pytest.raises(UnknownOutcome):
            await find(model)
        assert isinstance(await look_up(model), Begun)


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_a_task_it_never_had_is_not_there(status: int) -> None:
    async with telling({"data": [], "errors": [error("taskNotFound", kind="getResponse")]}, status=status) as model:
        assert await find(model) is None
        with pytest.raises(DefiniteFailure) as failure:
            await look_up(model)
    assert failure.value.code == "vendor.not_found"


@pytest.mark.parametrize("said", ["taskExpired", "taskFailedOrNotFound"])
async def test_a_task_it_forgot_may_have_been_done(said: str) -> None:
    async with telling({"errors": [error(said, kind="getResponse")]}, status=400) as model:
        with pytest.raises(UnknownOutcome):
            await find(model)


@pytest.mark.parametrize("status", [200, 400])
async def test_a_failure_of_the_task_is_told_by_whatever_status(status: int) -> None:
    async with telling({"errors": [error("timeoutProvider")]}, status=status) as model:
        for state in (await look_up(model), await find(model)):
            assert isinstance(state, Failed)
            assert (state.code, state.is_retryable) == ("vendor.unavailable", True)


async def test_a_refused_question_is_no_failure_of_the_task() -> None:
    async with telling({"errors": [error("unsupportedParameter", kind="getResponse")]}) as model:
        for call in (look_up, find):
            with pytest.raises(DefiniteFailure):
                await call(model)


@pytest.mark.parametrize("status", [200, 400, 409])
async def test_an_id_that_is_taken_already_is_ours_and_under_way(status: int) -> None:
    async with telling({"data": [], "errors": [error("conflictTaskUUID")]}, status=status) as model:
        assert await begin(model) == Begun(TASK, 1.0)


@pytest.mark.parametrize("status", [200, 400])
async def test_content_is_refused_by_whatever_status(status: int) -> None:
    async with telling({"errors": [error("invalidProviderContent")]}, status=status) as model:
        with pytest.raises(DefiniteFailure) as failure:
            await begin(model)
    assert (failure.value.code, failure.value.is_retryable) == ("vendor.refused_content", False)


@pytest.mark.parametrize("cost", [None, "0.1", -1, float("nan"), float("inf")])
async def test_a_cost_that_is_none_is_not_told(cost: Any) -> None:
    async with telling({"data": [result(status="success", imageURL="https://im.example/a.jpg", cost=cost)]}) as model:
        state = await look_up(model)
    assert isinstance(state, Finished)
    assert state.cost_nano is None
    assert state.files[0].media_type == "image/jpeg"


async def test_costs_are_exact() -> None:
    made = [result(status="success", imageURL=f"https://im.example/{n}.webp?x=1", cost=cost) for n, cost in enumerate((0.0013, 0.00064, 1))]
    async with telling({"data": made}) as model:
        state = await look_up(model)
    assert isinstance(state, Finished)
    assert state.cost_nano == 1_001_940_000
    assert state.files[0].media_type == "image/webp"


async def test_a_result_that_failed_without_a_word_counts_as_failed() -> None:
    async with telling({"data": [result(status="error"), result(status="success", imageURL="https://im.example/a.png")]}) as model:
        state = await look_up(model)
    assert isinstance(state, Finished)
    assert state.quantities == {"image": 1}
    async with telling({"data": [result(status="error")]}) as model:
        assert isinstance(await look_up(model), Failed)

"""The words of pipeline runs: how far they are, what each step made, and what people said of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints

from nexusone.kernel.contract import Contract, Id, Instant, Key, Name, Text
from nexusone.kernel.money import CreditsText
from nexusone.modules.ai.contracts.generations import GenerationError
from nexusone.modules.ai.contracts.pipeline_steps import StepKind
from nexusone.modules.ai.contracts.pipelines import BudgetMode, InputValues

RunStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
StepState = Literal["waiting", "running", "awaiting_approval", "succeeded", "skipped", "failed", "canceled"]
ReviewState = Literal["open", "approved", "rejected", "changes_requested", "expired", "withdrawn"]
Decision = Literal["approve", "reject", "request_changes"]
Comment = Annotated[Text, StringConstraints(min_length=1, max_length=4_000)]


class NewPipelineRun(Contract):
    """What a run is given. `budget` "whole" reserves the most that it can cost at once; "per_step" each step's share as it begins.

    Either way a run never spends more than that.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"inputs": {"brief": "A solar lamp.", "locales": ["en", "de"]}, "budget": "whole"}]}
    )

    inputs: InputValues
    budget: BudgetMode = "whole"
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class RunRetry(Contract):
    """From where to go on: by default from what failed or was canceled. What came before stays as it is.

    The budget becomes what was spent, and the most that the steps which are done again can cost.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"from_step": "hero"}]})

    from_step: Key | None = None


class StepRun(Contract):
    """How far a step is; of one that is done for each of a list, one more for each `item` (from 0), with its `key`.

    `inputs_sha256` is of what its templates became. `output` is what templates of later steps see.
    """

    step: str
    item: int | None
    key: str | None
    kind: StepKind
    state: StepState
    attempts: int
    inputs_sha256: str | None
    output: JsonValue
    generation_id: Id | None
    error: GenerationError | None
    started_at: Instant | None
    finished_at: Instant | None


class PipelineRun(Contract):
    """A run. `progress` is the percentage of its steps that have ended; `credits` what was charged, of the `budget_credits`."""

    id: Id
    pipeline_id: Id
    version: int
    status: RunStatus
    progress: int
    budget: BudgetMode
    budget_credits: CreditsText
    credits: CreditsText
    error: GenerationError | None
    created_at: Instant
    deadline_at: Instant
    finished_at: Instant | None


class PipelineRunDetail(PipelineRun):
    """A run with its inputs and steps."""

    inputs: dict[str, JsonValue]
    steps: tuple[StepRun, ...]


class ReviewComment(Contract):
    """What somebody said; `author` is the name that they gave, a member's is known."""

    author: str
    is_member: bool
    text: str
    created_at: Instant


class ReviewAsset(Contract):
    """A file that is looked at."""

    id: Id
    kind: str
    name: str
    alt_text: str | None
    content_url: str
    is_ai_generated: bool


class Review(Contract):
    """What a person is asked to approve. `content_sha256` is of exactly what is shown; once approved, it is locked.

    What is shown was made with AI, unless its makers say otherwise.
    """

    id: Id
    run_id: Id
    step: str
    item: int | None
    title: str
    state: ReviewState
    content: dict[str, JsonValue]
    assets: tuple[ReviewAsset, ...]
    content_sha256: str
    is_ai_generated: Literal[True] = True
    reviewer: str | None
    decided_at: Instant | None
    expires_at: Instant
    comments: tuple[ReviewComment, ...]


class MemberReview(Review):
    """The same with the link for reviewers without an account: whoever has it may decide until it expires."""

    link: str


class ReviewDecision(Contract):
    """What a person decides, who they say they are, and about what: the `content_sha256` that they saw."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "approve", "name": "Ada Lovelace", "content_sha256": "0" * 64, "comment": "Lovely."}]}
    )

    decision: Decision
    name: Name
    content_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    comment: Comment | None = None


class NewReviewComment(Contract):
    """A remark that decides nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada Lovelace", "text": "The lamp is blue, not green."}]})

    name: Name
    text: Comment


class PipelineRunWork(Contract):
    """A job's run."""

    run_id: Id

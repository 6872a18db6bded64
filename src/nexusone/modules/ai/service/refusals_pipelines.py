"""What ai refuses about pipelines, their runs and reviews."""

from nexusone.kernel.errors import Conflict, NotFound, Unprocessable


class PipelineNotFound(NotFound):
    """There is no such pipeline in this workspace, or no such version of it."""

    code = "ai.pipeline_not_found"


class PipelineExampleNotFound(NotFound):
    """No pipeline of this name comes with the product."""

    code = "ai.pipeline_example_not_found"


class PipelineFaulty(Unprocessable):
    """The definition cannot be run; `errors` say what is wrong in which step."""

    code = "ai.pipeline_faulty"


class PipelineNotPublished(Conflict):
    """Only published versions run, and none is."""

    code = "ai.pipeline_not_published"


class PipelineInputsInvalid(Unprocessable):
    """The pipeline cannot be run with these inputs; `errors` say which."""

    code = "ai.pipeline_inputs_invalid"


class PipelineRunNotFound(NotFound):
    """There is no such run in this workspace."""

    code = "ai.pipeline_run_not_found"


class PipelineRunEnded(Conflict):
    """The run has ended."""

    code = "ai.pipeline_run_ended"


class PipelineRunNotRetryable(Conflict):
    """Only what failed or was canceled is retried, once its credits are settled."""

    code = "ai.pipeline_run_not_retryable"


class PipelineStepUnknown(Unprocessable):
    """The pipeline has no such step."""

    code = "ai.pipeline_step_unknown"


class ApprovedLocked(Conflict):
    """What was approved stays as it is: the run cannot go on from a step before it."""

    code = "ai.approved_locked"


class ReviewNotFound(NotFound):
    """There is no such review, or the link is none of ours."""

    code = "ai.review_not_found"


class ReviewClosed(Conflict):
    """It was decided before, or its time is over."""

    code = "ai.review_closed"


class ReviewChanged(Conflict):
    """What was decided about is not what is shown."""

    code = "ai.review_changed"


class TooManyComments(Conflict):
    """The review has as many comments as it takes."""

    code = "ai.review_comments_full"


class PipelineSecretNotFound(NotFound):
    """There is no secret of that name."""

    code = "ai.pipeline_secret_not_found"


class PipelineSecretInUse(Conflict):
    """Published versions of pipelines name it; `pipelines` says which."""

    code = "ai.pipeline_secret_in_use"


class PipelineSecretsFull(Conflict):
    """The workspace has `limit` secrets, as many as it may."""

    code = "ai.pipeline_secrets_full"

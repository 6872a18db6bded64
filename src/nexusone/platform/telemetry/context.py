"""What every log line of a request or job carries: request, workspace, trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, WrappedLogger


@contextmanager
def log_context(*, request_id: str | None = None, workspace_id: UUID | None = None, **more: str) -> Iterator[None]:
    """Puts these on every line logged inside, in this task and the tasks it starts."""
    bound = {"request_id": request_id, "workspace_id": workspace_id and str(workspace_id), **more}
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in bound.items() if value is not None}):
        yield


def add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Adds `trace_id` and `span_id` of the span in force, if there is one."""
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"], event["span_id"] = trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)
    return event

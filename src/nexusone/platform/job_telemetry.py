"""What a run of a job tells of itself: a span in the trace of the request that asked for it, and a count with its seconds."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind

from nexusone.platform.telemetry import Metrics

_tracer = trace.get_tracer("nexusone.jobs")


def trace_headers() -> dict[str, str]:
    """The present trace, as it travels in a job's headers; empty where nothing is traced."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def observed(name: str, headers: Mapping[str, Any], metrics: Metrics | None, *, retry: type[Exception]) -> Iterator[None]:
    """Around one run of the job `name`; an exception of type `retry` means that it will run again."""
    began = time.perf_counter()
    outcome = "done"
    parent = propagate.extract({str(key): str(value) for key, value in headers.items()})
    with _tracer.start_as_current_span(f"job {name}", context=parent, kind=SpanKind.CONSUMER):
        try:
            yield
        except retry:
            outcome = "retried"
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            if metrics is not None:
                metrics.job_finished(job=name, outcome=outcome, seconds=time.perf_counter() - began)

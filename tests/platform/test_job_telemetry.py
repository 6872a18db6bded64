"""Runs of jobs are counted, with how they ended."""

import pytest

from nexusone.platform.job_telemetry import observed
from nexusone.platform.telemetry import Metrics


class AgainLater(Exception):
    """The run asks for another one."""


@pytest.mark.parametrize(("raised", "outcome"), [(None, "done"), (AgainLater(), "retried"), (ValueError(), "failed")])
def test_a_run_is_counted_by_how_it_ended(raised: Exception | None, outcome: str) -> None:
    metrics = Metrics()
    try:
        with observed("billing.expire_holds", {}, metrics, retry=AgainLater):
            if raised is not None:
                raise raised
    except (AgainLater, ValueError):
        pass
    assert f'jobs_total{{job="billing.expire_holds",outcome="{outcome}"}} 1.0' in metrics.render().decode()

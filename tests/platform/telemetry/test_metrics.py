"""The numbers are rendered under their promised names, with labels from closed sets."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nexusone.platform.telemetry import Metrics, PoolState


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(s.labels[name] for name in sorted(s.labels))): s.value for family in families for s in family.samples}


def test_requests_are_counted_and_timed() -> None:
    metrics = Metrics()
    for seconds in (0.02, 0.2):
        metrics.request_served(method="GET", route="/v1/contacts/{contact_id}", status=200, seconds=seconds)
    metrics.request_served(method="BREW", route=None, status=404, seconds=0.001)
    found = samples(metrics)
    assert found["http_requests_total", ("GET", "/v1/contacts/{contact_id}", "200")] == 2
    assert found["http_requests_total", ("OTHER", "unmatched", "404")] == 1
    assert found["http_request_seconds_count", ("GET", "/v1/contacts/{contact_id}")] == 2
    assert found["http_request_seconds_bucket", ("0.025", "GET", "/v1/contacts/{contact_id}")] == 1
    assert found["http_request_seconds_sum", ("GET", "/v1/contacts/{contact_id}")] == pytest.approx(0.22)


def test_jobs_and_pools_are_told() -> None:
    metrics, state = Metrics(), [PoolState(in_use=1, idle=3, waiting=0)]
    metrics.job_finished(job="billing.expire_holds", outcome="done", seconds=0.2)
    metrics.jobs_counted({"billing": 7})
    metrics.watch_pool("main", lambda: state[0])
    state[0] = PoolState(in_use=4, idle=0, waiting=2)
    found = samples(metrics)
    assert found["jobs_total", ("billing.expire_holds", "done")] == 1
    assert found["job_seconds_count", ("billing.expire_holds",)] == 1
    assert found["jobs_waiting", ("billing",)] == 7
    assert found["db_pool_connections", ("main", "in_use")] == 4
    assert found["db_pool_connections", ("main", "idle")] == 0
    assert found["db_pool_waiting", ("main",)] == 2


def test_two_processes_worth_of_metrics_do_not_mix_and_creation_times_are_left_out() -> None:
    one, two = Metrics(), Metrics()
    one.request_served(method="GET", route="/", status=200, seconds=0)
    assert ("http_requests_total", ("GET", "/", "200")) not in samples(two)
    assert "_created" not in one.render().decode()

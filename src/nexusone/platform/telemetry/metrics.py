"""The process's numbers: rendered for Prometheus, and counted over OTLP as well where that is set up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from opentelemetry.metrics import Meter, NoOpMeter
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Around the promised p95s of reads (50 ms) and writes (150 ms), out to the request timeout.
HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30)
JOB_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900)


@dataclass(frozen=True, slots=True)
class PoolState:
    """Connections of a pool: in use, idle, and callers waiting for one."""

    in_use: int
    idle: int
    waiting: int


class Metrics:
    """The standard numbers of a process. Labels come from closed sets: route templates, job names; never ids, paths or people."""

    def __init__(self, meter: Meter | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._pools = _Pools()
        self._http_series: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.registry.register(self._pools)
        self._define_series(self.registry)
        self._define_instruments(meter or NoOpMeter("nexusone"))

    def request_served(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Counts a request; `route` is the template such as `/v1/contacts/{contact_id}`, none where nothing matched."""
        labels = (method if method in METHODS else "OTHER", route or "unmatched", str(status))
        # The libraries look a series up under a lock each time; the set of series is closed, so each is kept at hand.
        series = self._http_series.get(labels)
        if series is None:
            series = (self._requests.labels(*labels), self._request_seconds.labels(*labels[:2]))
            self._http_series[labels] = series
        series[0].inc()
        series[1].observe(seconds)
        self._otlp_request_seconds.record(seconds, dict(zip(("method", "route", "status"), labels, strict=True)))

    def job_finished(self, *, job: str, outcome: str, seconds: float) -> None:
        """Counts a job's run; `outcome` is one of few words such as done, retried, failed."""
        self._jobs.labels(job, outcome).inc()
        self._job_seconds.labels(job).observe(seconds)
        self._otlp_job_seconds.record(seconds, {"job": job, "outcome": outcome})

    def jobs_counted(self, waiting: Mapping[str, int]) -> None:
        """Sets how many jobs wait, by queue."""
        for queue, count in waiting.items():
            self._jobs_waiting.labels(queue).set(count)

    def models_retiring(self, count: int) -> None:
        """Sets how many models are in use that their vendors are about to end."""
        self._models_retiring.set(count)

    def watch_pool(self, name: str, state: Callable[[], PoolState]) -> None:
        """Asks for the pool's state at every scrape."""
        self._pools.states[name] = state

    def render(self) -> bytes:
        """The exposition, of media type `CONTENT_TYPE`."""
        return generate_latest(self.registry)

    def _define_series(self, registry: CollectorRegistry) -> None:
        self._requests = Counter("http_requests", "HTTP requests answered", ("method", "route", "status"), registry=registry)
        self._request_seconds = Histogram(
            "http_request_seconds", "Seconds from request to answer", ("method", "route"), buckets=HTTP_SECONDS, registry=registry
        )
        self._jobs = Counter("jobs", "Jobs run", ("job", "outcome"), registry=registry)
        self._job_seconds = Histogram("job_seconds", "Seconds a job ran", ("job",), buckets=JOB_SECONDS, registry=registry)
        self._jobs_waiting = Gauge("jobs_waiting", "Jobs due and not begun", ("queue",), registry=registry)
        self._models_retiring = Gauge("ai_models_retiring", "Models in use that retire within 30 days", registry=registry)

    def _define_instruments(self, meter: Meter) -> None:
        self._otlp_request_seconds = meter.create_histogram("http.server.request.duration", "s")
        self._otlp_job_seconds = meter.create_histogram("nexusone.job.duration", "s")


class _Pools(Collector):
    def __init__(self) -> None:
        self.states: dict[str, Callable[[], PoolState]] = {}

    def collect(self) -> Iterable[Metric]:
        connections = GaugeMetricFamily("db_pool_connections", "Connections by state", labels=("pool", "state"))
        waiting = GaugeMetricFamily("db_pool_waiting", "Callers waiting for a connection", labels=("pool",))
        for name, state in self.states.items():
            now = state()
            connections.add_metric((name, "in_use"), now.in_use)
            connections.add_metric((name, "idle"), now.idle)
            waiting.add_metric((name,), now.waiting)
        return connections, waiting

"""Traces and metrics over OTLP/HTTP. Heavy to import: only compositions that may export name it."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, Status, set_tracer_provider
from opentelemetry.util.types import Attributes, AttributeValue

from nexusone.platform.telemetry.masking import mask
from nexusone.platform.telemetry.settings import TelemetrySettings
from nexusone.platform.telemetry.setup import Export

TIMEOUT_SECONDS = 10


def start_otlp(settings: TelemetrySettings) -> Export:
    """Batches masked spans and metrics to the collector at `settings.otlp_endpoint` from threads of its own."""
    address = (settings.otlp_endpoint or "").rstrip("/")
    headers = {name: value.get_secret_value() for name, value in settings.otlp_headers.items()}
    resource = Resource.create({"service.name": settings.service_name, "deployment.environment.name": settings.environment})
    tracers = TracerProvider(sampler=ParentBased(TraceIdRatioBased(settings.trace_share)), resource=resource)
    spans = OTLPSpanExporter(endpoint=f"{address}/v1/traces", headers=headers, timeout=TIMEOUT_SECONDS)
    tracers.add_span_processor(BatchSpanProcessor(MaskingSpanExporter(spans)))
    points = OTLPMetricExporter(endpoint=f"{address}/v1/metrics", headers=headers, timeout=TIMEOUT_SECONDS)
    meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(points)], resource=resource)
    # The web framework and the job runner ask the process-wide providers.
    set_tracer_provider(tracers)
    set_meter_provider(meters)

    def stop() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Export(tracer=tracers.get_tracer("nexusone"), meter=meters.get_meter("nexusone"), stop=stop)


class MaskingSpanExporter(SpanExporter):
    """Masks names, attributes, events and errors of spans on their way to another exporter."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_masked_span(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _masked_span(span: ReadableSpan) -> ReadableSpan:
    description = span.status.description
    return ReadableSpan(
        name=str(mask(span.name)),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked(span.attributes),
        events=[Event(str(mask(event.name)), _masked(event.attributes), event.timestamp) for event in span.events],
        links=[Link(link.context, _masked(link.attributes)) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code, None if description is None else str(mask(description))),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked(attributes: Attributes) -> Attributes:
    return {name: _masked_value(name, value) for name, value in (attributes or {}).items()}


def _masked_value(name: str, value: AttributeValue) -> AttributeValue:
    masked = mask(value, name=name)
    if isinstance(masked, str | bool | int | float):
        return masked
    return [str(item) for item in masked] if isinstance(masked, list) else str(masked)

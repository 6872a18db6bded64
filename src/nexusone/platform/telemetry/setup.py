"""Telemetry as one object, put together once per process by a composition root."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from opentelemetry.metrics import Meter
from opentelemetry.trace import NoOpTracer, Tracer

from nexusone.platform.telemetry.logs import start_logging
from nexusone.platform.telemetry.metrics import Metrics
from nexusone.platform.telemetry.settings import TelemetrySettings


@dataclass(frozen=True, slots=True)
class Export:
    """A running export of traces and metrics; `stop` sends what is left."""

    tracer: Tracer
    meter: Meter
    stop: Callable[[], None]


@dataclass(frozen=True, slots=True)
class CrashReports:
    """A running reporter of exceptions; `stop` sends what is left."""

    report: Callable[[BaseException], None]
    stop: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a process tells of itself. `report` sends a crash report, or does nothing where none are set up."""

    tracer: Tracer
    metrics: Metrics
    report: Callable[[BaseException], None]
    stop: Callable[[], None]


def configure(
    settings: TelemetrySettings,
    *,
    start_export: Callable[[TelemetrySettings], Export] | None = None,
    start_crash_reports: Callable[[TelemetrySettings], CrashReports] | None = None,
    stream: TextIO | None = None,
) -> Telemetry:
    """Starts logging to `stream` (standard error), and exports and reports where the settings ask for them.

    The composition root hands in `otlp.start_otlp` and `crash_reports.start_crash_reports`, whose imports are heavy.
    Raises: ValueError where the settings ask for one that was not handed in.
    """
    if settings.otlp_endpoint and start_export is None:
        raise ValueError("an OTLP endpoint is set, and this process was built without the exporter")
    if settings.crash_report_dsn and start_crash_reports is None:
        raise ValueError("a crash report address is set, and this process was built without the reporter")
    output = stream or sys.stderr
    stop_logging = start_logging(
        level=settings.log_level,
        is_pretty=settings.pretty and output.isatty(),
        has_access_log=settings.access_log,
        stream=output,
    )
    export = start_export(settings) if start_export and settings.otlp_endpoint else None
    crashes = start_crash_reports(settings) if start_crash_reports and settings.crash_report_dsn else None

    def stop() -> None:
        for each in (export, crashes):
            if each is not None:
                each.stop()
        stop_logging()

    return Telemetry(
        tracer=export.tracer if export else NoOpTracer(),
        metrics=Metrics(export.meter if export else None),
        report=crashes.report if crashes else _report_to_nobody,
        stop=stop,
    )


def _report_to_nobody(_error: BaseException) -> None:
    return

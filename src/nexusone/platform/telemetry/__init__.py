"""What the process tells of itself: masked logs, metrics, traces, crash reports.

`otlp` and `crash_reports` are heavy to import and are named only by compositions that use them.
"""

from nexusone.platform.telemetry.context import log_context
from nexusone.platform.telemetry.masking import mask, mask_text
from nexusone.platform.telemetry.metrics import CONTENT_TYPE, Metrics, PoolState
from nexusone.platform.telemetry.settings import TelemetrySettings
from nexusone.platform.telemetry.setup import CrashReports, Export, Telemetry, configure

__all__ = [
    "CONTENT_TYPE",
    "CrashReports",
    "Export",
    "Metrics",
    "PoolState",
    "Telemetry",
    "TelemetrySettings",
    "configure",
    "log_context",
    "mask",
    "mask_text",
]

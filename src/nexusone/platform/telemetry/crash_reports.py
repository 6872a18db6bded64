"""Crash reports by sentry-sdk. Heavy to import: only compositions that may report name it."""

from typing import cast

import sentry_sdk
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.transport import Transport
from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

from nexusone.platform.telemetry.masking import mask
from nexusone.platform.telemetry.settings import TelemetrySettings
from nexusone.platform.telemetry.setup import CrashReports

# A stack frame lies seven levels deep in an event.
DEPTH = 16
FLUSH_SECONDS = 2


def start_crash_reports(settings: TelemetrySettings, transport: Transport | None = None) -> CrashReports:
    """Reports exceptions to `settings.crash_report_dsn`: masked, without bodies, local variables or personal defaults."""
    dsn = settings.crash_report_dsn.get_secret_value() if settings.crash_report_dsn else None
    sentry_sdk.init(
        dsn=dsn,
        transport=transport,
        environment=settings.environment,
        # The successor of `send_default_pii=False`: whatever it may collect, it does not.
        data_collection={
            "user_info": False,
            "cookies": {"mode": "off"},
            "http_headers": {"request": {"mode": "off"}},
            "http_bodies": [],
            "url_query_params": {"mode": "off"},
            "graphql": {"document": False, "variables": False},
            "gen_ai": {"inputs": False, "outputs": False},
            "database_query_data": False,
            "queues": False,
            "stack_frame_variables": False,
        },
        max_request_body_size="never",
        traces_sample_rate=None,
        auto_enabling_integrations=False,
        # The boundaries report; what is logged is only the trail before it.
        integrations=[LoggingIntegration(event_level=None)],
        disabled_integrations=[ArgvIntegration()],
        before_send=_masked_event,
        before_send_transaction=_masked_event,
        before_breadcrumb=_masked_breadcrumb,
    )
    return CrashReports(report=_report, stop=_stop)


def _report(error: BaseException) -> None:
    sentry_sdk.capture_exception(error)


def _stop() -> None:
    sentry_sdk.get_client().close(timeout=FLUSH_SECONDS)


def _masked_event(event: Event, _hint: Hint) -> Event:
    return cast(Event, mask(event, depth=DEPTH))


def _masked_breadcrumb(crumb: Breadcrumb, _hint: BreadcrumbHint) -> Breadcrumb:
    return cast(Breadcrumb, mask(crumb, depth=DEPTH))

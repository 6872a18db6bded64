"""Traces, metrics and crash reports leave only where asked for, and masked."""

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sentry_sdk
import structlog
from opentelemetry import trace
from pydantic import SecretStr
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from nexusone.platform.telemetry import TelemetrySettings, configure
from nexusone.platform.telemetry.crash_reports import start_crash_reports
from nexusone.platform.telemetry.otlp import start_otlp

CANARY, MAIL = "cAnArY7c1e9f", "anna.canary@example.com"
DSN = SecretStr("http://public@127.0.0.1:9/1")


class Collector(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.received: list[tuple[str, str, bytes]] = []


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, self.headers["x-team"], body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_spans_and_metrics_reach_the_collector_masked_and_logs_name_the_span(collector: Collector) -> None:
    stream = io.StringIO()
    settings = TelemetrySettings(
        otlp_endpoint=f"http://127.0.0.1:{collector.server_port}", otlp_headers={"x-team": SecretStr("blue")}, trace_share=1
    )
    telemetry = configure(settings, start_export=start_otlp, stream=stream)
    with (
        pytest.raises(ValueError, match="refused"),
        telemetry.tracer.start_as_current_span(f"send to {MAIL}", attributes={"password": CANARY, "to": [MAIL], "kept": 5}) as span,
    ):
        span.add_event("called", {"url": f"https://x.example/?token={CANARY}"})
        structlog.get_logger("t").info("inside")
        raise ValueError(f"refused {MAIL} password={CANARY}")
    telemetry.metrics.request_served(method="GET", route="/v1/kept", status=200, seconds=0.1)
    telemetry.stop()

    by_path = {path: body for path, _, body in collector.received}
    assert set(by_path) == {"/v1/traces", "/v1/metrics"}
    assert {team for _, team, _ in collector.received} == {"blue"}
    assert b"send to [email]" in by_path["/v1/traces"] and b"kept" in by_path["/v1/traces"]
    assert b"http.server.request.duration" in by_path["/v1/metrics"] and b"/v1/kept" in by_path["/v1/metrics"]
    for body in by_path.values():
        assert CANARY.encode() not in body and b"anna.canary" not in body
    line = json.loads(stream.getvalue().splitlines()[0])
    context = span.get_span_context()
    assert (line["trace_id"], line["span_id"]) == (trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))


class Kept(Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.append(envelope.serialize())


def test_a_crash_report_is_masked_and_carries_neither_variables_nor_arguments() -> None:
    transport = Kept()
    telemetry = configure(
        TelemetrySettings(crash_report_dsn=DSN),
        start_crash_reports=lambda settings: start_crash_reports(settings, transport),
        stream=io.StringIO(),
    )
    unnamed = f"local-{CANARY}"
    try:
        logging.getLogger("t").warning("tried %s", MAIL, extra={"api_key": CANARY})
        sentry_sdk.set_extra("body", {"user": [{"email": MAIL, "token": CANARY}]})
        sentry_sdk.set_user({"email": MAIL})
        raise ValueError(f"refused {MAIL} password={CANARY} {len(unnamed)}")
    except ValueError as error:
        telemetry.report(error)
    finally:
        telemetry.stop()
    assert len(transport.sent) == 1
    report = transport.sent[0]
    assert b"ValueError" in report and b"refused [email]" in report and b"test_a_crash_report_is_masked" in report
    assert CANARY.encode() not in report and b"anna.canary" not in report and b"sys.argv" not in report


def test_without_addresses_nothing_is_started_and_reporting_does_nothing() -> None:
    telemetry = configure(TelemetrySettings(), start_export=start_otlp, start_crash_reports=start_crash_reports, stream=io.StringIO())
    with telemetry.tracer.start_as_current_span("nothing") as span:
        assert not span.is_recording()
    telemetry.report(ValueError("x"))
    telemetry.stop()


@pytest.mark.parametrize("settings", [TelemetrySettings(otlp_endpoint="http://127.0.0.1:9"), TelemetrySettings(crash_report_dsn=DSN)])
def test_an_address_without_its_sender_is_refused(settings: TelemetrySettings) -> None:
    with pytest.raises(ValueError, match="built without"):
        configure(settings, stream=io.StringIO())


def test_the_heavy_senders_are_not_imported_with_telemetry_itself() -> None:
    program = "import sys, nexusone.platform.telemetry; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    heavy = ("sentry_sdk", "requests", "opentelemetry.sdk", "opentelemetry.exporter")
    assert [name for name in shown.stdout.split() if name.startswith(heavy)] == []


def test_addresses_and_headers_are_not_shown() -> None:
    settings = TelemetrySettings(crash_report_dsn=SecretStr(f"http://{CANARY}@x/1"), otlp_headers={"a": SecretStr(CANARY)})
    assert CANARY not in repr(settings)

"""Every way into the log ends in one masked line that no input can break out of."""

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog

from nexusone.kernel.ids import new_id
from nexusone.platform.telemetry import Telemetry, TelemetrySettings, configure, log_context

CANARY = "cAnArY7c1e9f"
MAIL, PHONE = "anna.canary@example.com", "+49 171 1234567"
HIDDEN = (CANARY, "anna.canary", "1234567")

Read = Callable[[], list[dict[str, object]]]


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def telemetry(stream: io.StringIO) -> Iterator[Telemetry]:
    started = configure(TelemetrySettings(log_level="debug", access_log=True), stream=stream)
    yield started
    started.stop()


@pytest.fixture
def lines(telemetry: Telemetry, stream: io.StringIO) -> Read:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def only_the_products_handler() -> None:
    # The test runner's own handlers join for each test, and fail it where a record cannot be formatted.
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if type(handler).__module__.startswith("nexusone.")]


def fail() -> None:
    context = {"password": CANARY}
    try:
        raise ValueError(f"refused {MAIL} with password={CANARY}")
    except ValueError as cause:
        cause.add_note(f"called {PHONE}")
        raise ExceptionGroup(f"token: {CANARY}", [KeyError(f"Bearer {CANARY}"), RuntimeError(str(context))]) from cause


def log_an_exception_by_structlog() -> None:
    try:
        fail()
    except ExceptionGroup:
        structlog.get_logger("t").exception("failed for %s", MAIL)


def log_an_exception_by_the_standard_library() -> None:
    try:
        fail()
    except ExceptionGroup:
        logging.getLogger("t").exception("failed for %s", MAIL)


def log_an_uncaught_exception() -> None:
    try:
        fail()
    except ExceptionGroup as error:
        sys.excepthook(type(error), error, error.__traceback__)


def log_an_uncaught_exception_of_a_thread() -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def log_a_record_that_cannot_be_formatted() -> None:
    logging.getLogger("t").info("%d sent", MAIL, extra={"x": CANARY})


def log_a_value_that_cannot_be_shown() -> None:
    class Unshowable:
        def __repr__(self) -> str:
            raise ValueError(f"password={CANARY}")

    logging.getLogger("t").info("sent", extra={"x": Unshowable()})


def log_what_asyncio_reports() -> None:
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": f"lost {MAIL}", "exception": ValueError(f"secret={CANARY}")})
    loop.close()


def log_in_a_context_with_personal_data() -> None:
    with log_context(request_id=f"nx_{CANARY}", email=MAIL, note=PHONE):
        structlog.get_logger("t").info("done")
        logging.getLogger("t").info("done")


def warn_with_personal_data() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{MAIL} is deprecated, password={CANARY}", UserWarning, stacklevel=1)


PATHS: list[Callable[[], object]] = [
    lambda: structlog.get_logger("t").info(f"sent to {MAIL} {PHONE} password={CANARY}"),
    lambda: structlog.get_logger("t").info("sent", email=MAIL, phone=PHONE, password=CANARY, to=[MAIL], nested={"a": [{"token": CANARY}]}),
    lambda: structlog.get_logger("t").bind(authorization=f"Custom {CANARY}").info("sent", **{MAIL: 1}),
    lambda: structlog.get_logger("t").info("called", url=f"https://u:{CANARY}@x.example/?token={CANARY}&email=anna.canary%40example.com"),
    lambda: structlog.get_logger("t").info(
        "called", headers=[(b"cookie", CANARY.encode()), (b"x-api-key", CANARY.encode())], stack_info=True
    ),
    lambda: logging.getLogger("t").info("sent to %s %s password=%s", MAIL, PHONE, CANARY),
    lambda: logging.getLogger("t").info("sent", extra={"email": MAIL, "api_key": CANARY, "body": {"user": {"mobile": PHONE}}}),
    lambda: logging.getLogger("t").info({"password": CANARY, "to": MAIL}),
    lambda: logging.getLogger(f"connection.{MAIL}").info("opened"),
    lambda: logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", f"/x?token={CANARY}&to={MAIL}", "1.1", 200
    ),
    lambda: logging.getLogger("uvicorn.error").info("up", extra={"color_message": f"up {MAIL}"}),
    log_an_exception_by_structlog,
    log_an_exception_by_the_standard_library,
    log_an_uncaught_exception,
    log_an_uncaught_exception_of_a_thread,
    log_a_record_that_cannot_be_formatted,
    log_a_value_that_cannot_be_shown,
    log_what_asyncio_reports,
    log_in_a_context_with_personal_data,
    warn_with_personal_data,
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("path", PATHS)
def test_no_canary_leaves_by_any_path(
    path: Callable[[], object], lines: Read, stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    only_the_products_handler()
    path()
    assert lines()
    written = stream.getvalue() + "".join(capfd.readouterr())
    assert [hidden for hidden in HIDDEN if hidden in written] == []


def test_a_line_carries_time_level_logger_and_what_was_bound(lines: Read) -> None:
    workspace = new_id()
    with log_context(request_id="req-1", workspace_id=workspace):
        structlog.get_logger("nexusone.test").warning("kept", count=3)
        logging.getLogger("library").info("kept too")
    structlog.get_logger("t").info("outside")
    ours, theirs, outside = lines()
    assert (ours["event"], ours["level"], ours["logger"], ours["count"]) == ("kept", "warning", "nexusone.test", 3)
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("kept too", "info", "library")
    assert {(line["request_id"], line["workspace_id"]) for line in (ours, theirs)} == {("req-1", str(workspace))}
    assert str(ours["timestamp"]).endswith("Z") and "request_id" not in outside and "trace_id" not in outside


def test_an_exceptions_traceback_is_told(lines: Read) -> None:
    log_an_exception_by_structlog()
    log_an_exception_by_the_standard_library()
    for line in lines():
        assert "ExceptionGroup" in str(line["exception"]) and "in fail" in str(line["exception"])


INJECTIONS = [
    "a\nb",
    "a\r\nb",
    'x"}\n{"event": "forged"}',
    "\x1b[2J\x1b[1;31mred",
    "\x9b31m",
    "\x1b]0;title\x07",
    "a\x00b",
    "a\x08\x08b",
    "\x7f",
    "a\x85b",
]
INJECTIONS += [
    "a\u2028b\u2029c",
    "\u202egpj.exe",
    "\u2066x\u2069",
    "\ud800",
    "%s %n %(x)s",
    "{0.__class__}",
    "${jndi:ldap://x}",
    "\x0b\x0c",
    "\u200f",
]


@pytest.mark.parametrize("injected", INJECTIONS)
def test_injected_text_stays_inside_its_line(injected: str, lines: Read, stream: io.StringIO) -> None:
    structlog.get_logger("t").info(injected, value=injected, nested=[{injected: injected}], **{f"k{injected}": 1})
    logging.getLogger("t").info("%s", injected)
    logging.getLogger(f"l{injected}").error("x", exc_info=ValueError(injected))
    assert len(lines()) == 3
    assert lines()[0]["event"] == injected and lines()[0]["value"] == injected
    written = stream.getvalue()
    assert written.isascii() and all(letter.isprintable() or letter == "\n" for letter in written)
    assert written.count("\n") == 3


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("injected", INJECTIONS)
def test_a_terminal_is_not_spoken_to_by_injected_text(injected: str) -> None:
    terminal = Terminal()
    telemetry = configure(TelemetrySettings(pretty=True), stream=terminal)
    structlog.get_logger("t").info("plain")
    allowed = set(terminal.getvalue()) | set(" |\n")
    structlog.get_logger("t").info(injected, value=injected, nested=[{injected: injected}])
    try:
        raise ValueError(injected)
    except ValueError:
        structlog.get_logger("t").exception("failed", email=MAIL)
    telemetry.stop()
    written = terminal.getvalue()
    assert {letter for letter in written if not letter.isprintable()} <= {"\x1b", "\n"} <= allowed
    assert injected not in written or injected.isprintable()
    assert "\x1b[2J" not in written and "\x1b]" not in written
    assert not any(line.startswith('{"event"') for line in written.splitlines())
    assert "anna.canary" not in written


def test_pretty_output_is_for_terminals_only(stream: io.StringIO) -> None:
    telemetry = configure(TelemetrySettings(pretty=True), stream=stream)
    structlog.get_logger("t").info("plain")
    telemetry.stop()
    assert json.loads(stream.getvalue())["event"] == "plain"


def test_levels_below_the_setting_and_the_access_log_are_silent(stream: io.StringIO) -> None:
    telemetry = configure(TelemetrySettings(log_level="warning"), stream=stream)
    structlog.get_logger("t").info("no")
    logging.getLogger("t").info("no")
    logging.getLogger("uvicorn.access").error("no")
    telemetry.stop()
    assert stream.getvalue() == ""


def test_stopping_gives_logging_back_as_it_was(stream: io.StringIO) -> None:
    root, hook = logging.getLogger(), sys.excepthook
    before = root.handlers[:], root.level
    configure(TelemetrySettings(), stream=stream).stop()
    assert (root.handlers, root.level) == before and sys.excepthook is hook

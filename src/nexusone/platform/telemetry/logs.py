"""Logging: structlog and the standard library end in one handler, masked where the line is made.

One line per record, as JSON in ASCII, so that no input can end a line, forge another or speak to a terminal.
"""

import json
import logging
import re
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from nexusone.platform.telemetry.context import add_trace
from nexusone.platform.telemetry.masking import mask, mask_name, mask_text

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
MULTILINE = ("exception", "stack")
SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def start_logging(*, level: str, is_pretty: bool, has_access_log: bool, stream: TextIO) -> Callable[[], None]:
    """Sends all logging to `stream`, one masked line per record, uncaught exceptions and warnings included; answers what undoes it."""
    handler = _MaskingHandler(stream)
    handler.setFormatter(_formatter(is_pretty))
    root = logging.getLogger()
    before = root.handlers[:], root.level, sys.excepthook, threading.excepthook
    root.handlers, root.level = [handler], logging.getLevelNamesMapping()[level.upper()]
    _clear_level_cache(root)
    sys.excepthook, threading.excepthook = _log_uncaught, _log_uncaught_in_thread
    logging.captureWarnings(True)
    _adopt_server_loggers(has_access_log=has_access_log)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *_on_every_line(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A logger used before this call must not keep an unmasked way out.
        cache_logger_on_first_use=False,
    )

    def stop() -> None:
        root.handlers, root.level, sys.excepthook, threading.excepthook = before
        _clear_level_cache(root)
        logging.captureWarnings(False)
        structlog.reset_defaults()

    return stop


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last word before rendering: every value masked, by name and by shape."""
    return {mask_name(name): mask(value, name=name) for name, value in event.items() if name != "color_message"}


def escape_control(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """For terminals: control and direction-changing characters become visible; a traceback's lines are set off by a bar."""
    return {_visible(name): _escaped(name, value) for name, value in event.items()}


def render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """The line as JSON, the event first; whatever is not printable ASCII is escaped."""
    return json.dumps({"event": event.pop("event", ""), **event}, ensure_ascii=True, allow_nan=False)


class _MaskingHandler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        # The library's own version prints the record's raw arguments.
        fault = {"event": "a log record could not be written", "level": "error", "logger": record.name, "line": record.lineno}
        self.stream.write(mask_text(json.dumps(fault)) + self.terminator)


def _formatter(is_pretty: bool) -> logging.Formatter:
    shown: list[Processor] = [structlog.processors.format_exc_info, mask_event]
    if is_pretty:
        plain = structlog.dev.plain_traceback
        shown += [escape_control, structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain)]
    else:
        shown += [render_json]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.ExtraAdder(), *_on_every_line()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown],
    )


def _on_every_line() -> list[Processor]:
    return [
        add_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _adopt_server_loggers(*, has_access_log: bool) -> None:
    for name in SERVER_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = not has_access_log


def _clear_level_cache(root: logging.Logger) -> None:
    # Only setLevel clears the loggers' caches of what is enabled.
    root.setLevel(root.level)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    logging.getLogger("nexusone").critical("uncaught exception", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _escaped(name: str, value: object) -> object:
    if name in MULTILINE and isinstance(value, str):
        return "\n".join(f"  | {_visible(line)}" for line in value.split("\n"))
    if isinstance(value, str):
        return _visible(value)
    return value if value is None or isinstance(value, bool | int | float) else _visible(json.dumps(value, ensure_ascii=False))


def _visible(text: str) -> str:
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)

"""Sets up structlog: JSON lines, or columns on a terminal. No content of a report reaches the log.

An exception is logged as its type and the place where it was raised, because messages of libraries quote
their input. What libraries log is passed on as the logger, the template of the message and the type of the
exception. The arguments, and messages that were formatted before, are dropped.
"""

import logging
import sys
import time
import traceback
from collections.abc import MutableMapping
from functools import partial
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, WrappedLogger

from oncofhir.schemas.tracing.tracer import NO_TRACING, Tracer
from oncofhir.settings import LogSettings

_OURS = "oncofhir"
_REPEAT_SECONDS = 60.0


class CurrentStderr:
    """Writes to the current `sys.stderr`: an earlier stream may be closed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure(
    settings: LogSettings, stream: TextIO | None = None, tracer: Tracer = NO_TRACING
) -> None:
    """Set up all logging of the process. A command may call it again with a tracer.

    `stream` defaults to stdout, for the worker and the servers. Commands whose results go to stdout pass
    stderr. With a tracer, lines within a span have its `trace_id` and `span_id`.
    """
    configure_structlog(settings, stream if stream is not None else sys.stdout, tracer)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_LibraryHandler())
    root.setLevel(logging.WARNING)  # below that, libraries log what they send and receive
    logging.captureWarnings(capture=True)


def configure_structlog(
    settings: LogSettings, out: TextIO | CurrentStderr, tracer: Tracer = NO_TRACING
) -> None:
    """Set up the logging of oncofhir alone; that of libraries stays as it is."""
    level = logging.getLevelNamesMapping()[settings.level]
    renderer = _renderer(settings.format, out)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            exceptions_as_types,
            *([] if tracer is NO_TRACING else [partial(_add_trace, tracer)]),
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, out)),
        cache_logger_on_first_use=False,
    )


def _renderer(form: str, out: TextIO | CurrentStderr) -> list[Any]:
    if form == "console" or (form == "auto" and out.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=out.isatty())]
    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()]


def _add_trace(tracer: Tracer, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
    trace = tracer.current()
    if trace is not None:
        event.update(trace_id=trace.trace_id, span_id=trace.span_id)
    return event


def exceptions_as_types(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` with the exception's type and the place where it was raised."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()[1]
    if isinstance(info, tuple):
        info = info[1]
    if isinstance(info, BaseException):
        event.update(described(info))
    return event


def described(error: BaseException) -> MutableMapping[str, str]:
    """An exception as type and location, without its message."""
    fields = {"error": type(error).__name__}
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last = frames[-1]
        fields["at"] = f"{last.filename.rpartition('site-packages/')[2]}:{last.lineno}"
        ours = [f for f in frames if f"/{_OURS}/" in f.filename]
        if ours:
            fields["in"] = (
                f"{_OURS}/{ours[-1].filename.rpartition(f'/{_OURS}/')[2]}:{ours[-1].lineno}"
            )
    return fields


class _LibraryHandler(logging.Handler):
    """Passes records of the standard library's logging to structlog; the same one at most once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._logger = structlog.get_logger("library")
        self._last: dict[tuple[str, int, int], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        key = (record.name, record.lineno, record.levelno)
        now = time.monotonic()
        if now - self._last.get(key, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return
        self._last[key] = now
        fields: dict[str, Any] = {"logger": record.name, "at": f"{record.module}:{record.lineno}"}
        if record.exc_info and record.exc_info[1] is not None:
            fields |= described(record.exc_info[1])
        # kafka-python logs at ERROR what it repairs a moment later; oncofhir's own errors say what matters.
        level = min(record.levelno, logging.WARNING)
        self._logger.log(level, _event_of(record), **fields)


def _event_of(record: logging.LogRecord) -> str:
    """The template of a message, such as "kafka.net: connection %s failed".

    A message without arguments may have been formatted before, with content in it: it is not logged.
    """
    if record.args and isinstance(record.msg, str):
        return f"{record.name}: {record.msg}"
    return f"{record.name}: {record.levelname.lower()} (message withheld)"

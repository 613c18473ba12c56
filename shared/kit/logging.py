"""Structured logs: one JSON object a line on stderr, with the ids that the doors bind, and nobody's data."""

import logging
import sys
import threading
import traceback
from typing import Any

import psycopg
import structlog
from structlog.typing import EventDict, Processor

from shared.kit.errors import AppError

OURS = ("api", "worker", "shared", "cli", "benchmarks", "devtools")


def configure(level: str = "INFO", *, service: str) -> None:
    """Send structlog and the standard library's loggers through one JSON renderer.

    `level` is for our own lines. Libraries never go below INFO: at DEBUG they write what they work on.
    """
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _signed(service),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_exception,
    ]
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_without_messages, *common],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            pass_foreign_args=True,
            # Else the formatter would add the traceback that `describe_exception` has replaced.
            keep_exc_info=False,
            keep_stack_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[level]))
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    _tame_libraries()
    _catch_the_uncaught()


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger named after its module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger


def _signed(service: str) -> Processor:
    """Name the process in each line, whichever thread writes it."""

    def sign(_: Any, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return sign


def describe_exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Put an exception's kind and the places it passed in the event, and never its message.

    A message may quote what was worked on: a ValueError the text, a KeyError the key, Postgres the whole row
    (DETAIL). What names places or rules, not values, is kept.
    """
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given:
        error = given if isinstance(given, BaseException) else _current(given)
        if error is not None:
            event["exception"] = [_describe(link) for link in _chain(error)]
    return event


def _current(given: Any) -> BaseException | None:
    error: BaseException | None = given[1] if isinstance(given, tuple) else sys.exc_info()[1]
    return error


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it came from, the latest first."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return links


def _describe(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    frames = traceback.extract_tb(error.__traceback__)
    description: dict[str, Any] = {
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "frames": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
    }
    if isinstance(error, AppError):
        description |= {"code": error.code, "about": type(error).message}
    elif isinstance(error, psycopg.Error):
        description |= {"sqlstate": error.sqlstate, "constraint": error.diag.constraint_name}
    elif isinstance(error, NameError | ImportError):
        description["about"] = str(error)  # names of the code's
    elif isinstance(error, OSError):
        description["reason"] = error.strerror
    elif isinstance(error, BaseExceptionGroup):
        description["exceptions"] = [_describe(nested) for nested in error.exceptions]
    return description


def _without_messages(_: Any, __: str, event: EventDict) -> EventDict:
    """A library's line about an exception, without the exception's message."""
    record: logging.LogRecord = event["_record"]
    args = event.pop("positional_args", None) or ()
    if record.exc_info:
        event["event"] = str(record.msg)  # the words before anything was filled in
    elif isinstance(args, tuple) and any(isinstance(value, BaseException) for value in args):
        named = (type(value).__name__ if isinstance(value, BaseException) else value for value in args)
        try:
            event["event"] = str(record.msg) % tuple(named)
        except TypeError:  # it asked for a number
            event["event"] = str(record.msg)
    return event


def _catch_the_uncaught() -> None:
    """What Python itself would print, an exception that nobody caught and a warning, becomes a line too."""
    log = get_logger(__name__)

    def of_process(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("process ended by an error", exc_info=error)

    def of_thread(given: threading.ExceptHookArgs) -> None:
        if not issubclass(given.exc_type, SystemExit):
            log.error("thread ended by an error", exc_info=given.exc_value)

    sys.excepthook, threading.excepthook = of_process, of_thread
    logging.captureWarnings(True)


def _tame_libraries() -> None:
    # A library's request lines repeat what ours say, and may hold URLs with secrets.
    for noisy in ("httpx", "httpcore", "qdrant_client", "sentence_transformers", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # Uvicorn brings handlers of its own, which print plain text and whole tracebacks.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Its access lines have the query in them; ours come instead.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    access.disabled = True

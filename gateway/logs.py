"""Owns the log: one JSON object a line on standard error, with the request's id, and without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

import structlog
from structlog.types import Processor

REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
_REDACTED: Final = "[redacted]"
_SECRET_NAMES: Final = re.compile(
    r"(?i)pass(word|wd|phrase)?$|secret|token|cookie|authorization|credential|csrf|pepper|(master|root|index|private)_?key"
    r"|^(code|dsn|database_url|redis_url)$"
)
_TOKENS: Final = re.compile(r"v1\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{16}")
_URL_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_ORIGIN: Final[tuple[Processor, ...]] = (structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name)
LogLine = MutableMapping[str, Any]


def start_logging(level: str, form: str) -> None:
    """For structlog's loggers and the standard library's alike. form: json or console."""
    to_handler = structlog.stdlib.ProcessorFormatter.wrap_for_formatter
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_ORIGIN, to_handler],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel("WARNING")


def _formatter(form: str) -> logging.Formatter:
    renderer: Processor = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    finish: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_request_id,
        redact,
    ]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_ORIGIN, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish, renderer],
    )


def redact(_logger: object, _method: str, event: LogLine) -> LogLine:
    """By the name of a field, and tokens and passwords of URLs wherever they stand."""
    for name in event:
        event[name] = _REDACTED if _SECRET_NAMES.search(name) else _clean(event[name])
    return event


def _clean(value: object) -> object:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1:{_REDACTED}@", _TOKENS.sub(_REDACTED, value))
    if isinstance(value, dict):
        return redact(None, "", {str(name): inner for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def _add_request_id(_logger: object, _method: str, event: LogLine) -> LogLine:
    request_id = REQUEST_ID.get()
    if request_id:
        event.setdefault("request_id", request_id)
    return event

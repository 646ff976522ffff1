"""Log lines: readable text or JSON, one line each, without secrets.

Code logs through the standard library (``logging.getLogger(__name__).info("message", extra={"key": value})``) and so
do the libraries; structlog's formatter gives every record, gunicorn's included, the same form.
"""

from __future__ import annotations

import json
import logging
import logging.config
import re
from datetime import UTC, datetime
from functools import lru_cache
from types import NoneType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from echofs.ports.request_context import request_id

HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(r"password|secret|token|authorization|cookie|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?<=bearer )[\w.~+/=-]+"
    r"|\beyJ[\w-]{6,}\.[\w-]+\.[\w-]*"  # a JSON Web Token (RFC 7519) starts with {"
    r"|(?<=://)[^\s/@:]*:[^\s/@]+(?=@)",  # user:password@ in an address
    re.IGNORECASE,
)
_SECRET_SIGNS = ("bearer ", "eyj", "://")
"""One of these stands in every text that holds a secret: looking for them costs a tenth of trying the expression."""
_NEEDS_QUOTES = re.compile(r"[\s\"'=]|^$")
_CHATTY = ("alembic", "botocore", "filelock", "urllib3", "werkzeug")


def configure_logging(level: str, format: str, process_name: str) -> None:
    """Send all records of this process at ``level`` or above to standard error. Idempotent; the last call wins.

    ``format`` is ``text`` or ``json``; ``process_name`` (a role, or a worker's id) stands in every line.
    """
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": line_formatter, "format": format, "process_name": process_name}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            "loggers": {name: {"level": "WARNING"} for name in _CHATTY},
        }
    )
    logging.captureWarnings(True)
    # No line says where in the code or in which thread it was written, and finding out costs a third of each. This is
    # how the library's own documentation turns it off.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def line_formatter(format: str, process_name: str) -> logging.Formatter:
    """A formatter of ``text`` or ``json`` lines."""
    render = render_json if format == "json" else render_text
    processors: list[Processor] = [
        structlog.stdlib.ExtraAdder(),
        structlog.processors.format_exc_info,
        _describe(process_name),
        hide_secrets,
        render,
    ]
    return structlog.stdlib.ProcessorFormatter(processors=processors)


def _describe(process_name: str) -> Processor:
    """Add when, how grave, by which process and for which request."""

    def describe(_: Any, __: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event.pop("_record")
        event.pop("_from_structlog", None)
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        message = event.pop("event", "")
        context = {"request": current} if (current := request_id.get()) else {}
        line = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "process": process_name,
            "message": message,
            **context,
        }
        # A detail of the same name, such as a consistency level, must not pass for what every line begins with.
        return line | {f"{key}_" if key in line else key: value for key, value in event.items()}

    return describe


def hide_secrets(_: Any, __: str, event: EventDict) -> EventDict:
    """Blank values whose name says that they are secret, and tokens and passwords inside any text."""
    for key, value in event.items():
        if _is_secret(key):
            event[key] = HIDDEN
        elif not isinstance(value, (int, float, NoneType)):
            event[key] = _without_secrets(str(value))
    return event


@lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _without_secrets(text: str) -> str:
    lowered = text.lower()
    return _SECRET_TEXT.sub(HIDDEN, text) if any(sign in lowered for sign in _SECRET_SIGNS) else text


def render_json(_: Any, __: str, event: EventDict) -> str:
    """One JSON value per line; everything outside ASCII is escaped, so no value can break the line."""
    return json.dumps(event)


def render_text(_: Any, __: str, event: EventDict) -> str:
    """``time level process message key=value …``; a traceback follows on lines of its own, each marked with ``|``."""
    time, level, process, message = (event.pop(key) for key in ("time", "level", "process", "message"))
    traceback = event.pop("exception", "")
    details = "".join(f" {key}={_quoted(value)}" for key, value in event.items())
    lines = [f"{time} {level:<7} {process:<10} {_on_one_line(message)}{details}"]
    lines += [f"    | {_on_one_line(line)}" for line in traceback.splitlines()]
    return "\n".join(lines)


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text) if _NEEDS_QUOTES.search(text) else _on_one_line(text)


def _on_one_line(text: str) -> str:
    """The text with line breaks, escape sequences and other invisible characters written out."""
    return text if text.isprintable() else "".join(_written(character) for character in text)


def _written(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()

"""Log lines: as text or as JSON, one for each refusal, and none that a name could break in two."""

import json
import logging
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from capital.addresses import client_address
from capital.traces import current_id

_FORBIDDEN = 403


class OneLine(logging.Formatter):
    """``time level logger [request id]: message``, on one line whatever a user is called.

    Control characters are escapes. The traceback of an error follows on lines of its own, as
    always. Times have milliseconds and the offset of the site's zone.
    """

    def __init__(self, *, zone: str) -> None:
        super().__init__()
        self._zone = ZoneInfo(zone)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        """As ISO 8601."""
        return datetime.fromtimestamp(record.created, self._zone).isoformat(timespec="milliseconds")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line, escaped."""
        asked = current_id()
        trace = "" if asked is None else f" [{asked}]"
        head = f"{self.formatTime(record)} {record.levelname} {record.name}{trace}"
        return escaped(f"{head}: {record.message}")


class JsonLine(OneLine):
    """One JSON object a line, for programs that collect logs; the traceback is in it.

    What a line says in figures stands beside its message, by name: see ``extra`` of the loggers.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The object. It has only what is known."""
        told: dict[str, Any] = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": current_id(),
            **getattr(record, "figures", {}),
        }
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        known = {name: value for name, value in told.items() if value is not None}
        text = json.dumps(known, ensure_ascii=False, default=str)
        if text.isprintable():
            return text
        return "".join(each if each.isprintable() else _json_escape(each) for each in text)


class RefusalsInOneLine(logging.Filter):
    """Says of a 403 who was refused what, from where; Django logs a traceback that says less."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite what Django logs of a 403."""
        request = getattr(record, "request", None)
        if getattr(record, "status_code", None) == _FORBIDDEN and isinstance(request, HttpRequest):
            user = getattr(request, "user", None)
            name = user.get_username() if user is not None and user.is_authenticated else "nobody"
            record.msg = "Forbidden: %s %s by %s from %s."
            record.args = (request.method, request.path, name, client_address(request))
            record.exc_info = record.exc_text = None
        return True


def escaped(text: str) -> str:
    """The text on one line: what is not printable as ``\\x1b`` or ``\\u202e``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def _json_escape(character: str) -> str:
    return json.dumps(character)[1:-1]

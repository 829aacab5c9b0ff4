"""Log lines: one for each refusal, and none that a name could break in two."""

import logging

from django.http import HttpRequest

from capital.addresses import client_address

_FORBIDDEN = 403


class OneLine(logging.Formatter):
    """Writes control characters as escapes: a user's name cannot begin a line of its own.

    The traceback of an error follows on lines of its own, as always.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        """The line, escaped."""
        return escaped(super().formatMessage(record))


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
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

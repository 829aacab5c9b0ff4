"""How a body is read, and how its format is agreed on.

JSON with exact numbers, without text that the database cannot store.
"""

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import IO, Any, NoReturn

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from capital.api.frame.problems import PayloadTooLarge

LARGEST_BODY = 64 * 1024
# 500 fills with the longest ids and several fees, or 500 positions.
_LARGEST_REPORT = 768 * 1024
# An escaped NUL, which PostgreSQL does not store, or half of a surrogate pair.
_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})")
_LONGEST_NUMBER = 400
# Far more than any body needs, and far less than what can be read and not be written again.
_MOST_LEVELS = 100
_TOO_LONG = gettext_lazy("A number has too many digits.")
_TOO_DEEP = gettext_lazy("Lists and objects are nested too deeply.")
_JSON = "application/json"
_TAKES_JSON = frozenset({"*/*", _JSON})


def largest_body(path: str) -> int:
    """How many bytes of a body are read at an address of the API."""
    return _LARGEST_REPORT if path.endswith(("/fills/", "/positions/")) else LARGEST_BODY


class QuickNegotiation(DefaultContentNegotiation):
    """As the REST framework negotiates; JSON, and "anything", without its general way."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        first, *others = parsers
        if not others and request.content_type == first.media_type:
            return first
        return super().select_parser(request, [first, *others])

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> Any:
        first, *others = renderers
        accepted = request.META.get("HTTP_ACCEPT", "*/*")
        if not format_suffix and first.media_type == _JSON and accepted in _TAKES_JSON:
            return first, _JSON
        return super().select_renderer(request, [first, *others], format_suffix)


class JsonAlways(QuickNegotiation):
    """JSON, whatever the caller says that it accepts: a signal is worth more than its answer."""

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> Any:
        first, *_others = renderers
        return first, first.media_type


class NotJson(ParseError):
    """The body is not JSON; it says where that shows."""

    def __init__(self, line: int, column: int, hint: str) -> None:
        detail = _("The request body is not valid JSON: see line %(line)s, column %(column)s.")
        super().__init__(f"{detail % {'line': line, 'column': column}} {hint}")


class _OddJson(ParseError):
    """The body is JSON, and cannot be read in one way only. Nothing of it is quoted."""

    def __init__(self, hint: Any) -> None:
        super().__init__(f"{_('The request body is not valid JSON.')} {hint}")


class ExactJSONParser(BaseParser):
    """Parses numbers as ``int`` and ``Decimal``. No duplicate names.

    At most as much UTF-8 as ``largest_body`` says.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse the body.

        Raises:
            PayloadTooLarge: It is larger than that.
            ParseError: It is not JSON, or contains text or numbers that cannot be stored.
        """
        asked = (parser_context or {}).get("request")
        largest = LARGEST_BODY if asked is None else largest_body(asked.path)
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise PayloadTooLarge
        return parse_json(body)


def parse_json(body: bytes, *, lenient: bool = False) -> Any:
    """Parse a body that is already in memory, by the same rules as ``ExactJSONParser``.

    Args:
        body: UTF-8.
        lenient: Whether a mark of byte order may stand before it, and line breaks in its strings,
            as editors and templates leave them there. Neither can be read in two ways.
    """
    try:
        value = json.loads(
            body.decode("utf-8-sig" if lenient else "utf-8"),
            strict=not lenient or b"\0" in body,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse,
            object_pairs_hook=_object,
        )
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise NotJson(*_place_of(error), _hint(error)) from None
    except RecursionError:
        raise _OddJson(_TOO_DEEP) from None
    if body.count(b"[") + body.count(b"{") > _MOST_LEVELS:
        _refuse_depth(value)
    if _ODD_ESCAPE.search(body):
        _refuse_odd_text(value)
    return value


def _place_of(error: json.JSONDecodeError | UnicodeDecodeError) -> tuple[int, int]:
    """Line and column of the first letter that does not fit, from 1."""
    if isinstance(error, json.JSONDecodeError):
        return error.lineno, error.colno
    before = error.object[: error.start].decode("utf-8", "replace")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _hint(error: json.JSONDecodeError | UnicodeDecodeError) -> str:
    """What usually is wrong there. Nothing of the body is quoted: it may contain a secret."""
    if not isinstance(error, json.JSONDecodeError):
        return _("Send the text as UTF-8.")
    before, after = error.doc[: error.pos].rstrip(), error.doc[error.pos :].lstrip()
    first, is_value = after[:1], before.endswith((":", ",", "["))
    is_name = error.msg.startswith("Expecting property name")
    hints = (
        (not error.doc.strip(), _("It is empty.")),
        (
            not before or error.msg == "Extra data",
            _("Send fields and values in braces, and nothing around them."),
        ),
        (
            error.msg.startswith("Unterminated"),
            _("The quotation mark at the end of this text is missing."),
        ),
        (not first, _("The text ends there, and is not complete.")),
        (before.endswith(",") and first in "}],", _("Remove the comma before it.")),
        (
            first == "{" and (is_value or is_name),
            _("A placeholder that nobody filled in stands there. Put it in quotation marks."),
        ),
        (is_name, _("Put each name and each text in double quotation marks.")),
        (
            is_value and first in "},]",
            _("A value is missing there. Put one, or leave the field out."),
        ),
        (is_value and (first.isalpha() or first == "'"), _("Put the value in quotation marks.")),
    )
    usual = _("A quotation mark inside a string needs a backslash before it.")
    return next((hint for applies, hint in hints if applies), usual)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(_short(text))
    except InvalidOperation:
        # Its exponent has some twenty digits itself.
        raise _OddJson(_TOO_LONG) from None


def _integer(text: str) -> int:
    return int(_short(text))


def _short(text: str) -> str:
    if len(text) > _LONGEST_NUMBER:
        raise _OddJson(_TOO_LONG)
    return text


def _refuse(_constant: str) -> NoReturn:
    raise _OddJson(_("NaN and Infinity are no numbers. Leave the field out, or send null."))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Which amount was meant?
        raise _OddJson(_("An object has the same name twice. Give each field once."))
    return found


def _refuse_depth(value: Any) -> None:
    """What is read is written again, from deeper in the program: as a record, or for a digest."""
    level = [value] if isinstance(value, dict | list) else []
    for _number in range(_MOST_LEVELS):
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for part in inner for each in part if isinstance(each, dict | list)]
        if not level:
            return
    raise _OddJson(_TOO_DEEP)


def _refuse_odd_text(value: Any) -> None:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if "\x00" in each or any("\ud800" <= letter <= "\udfff" for letter in each):
                raise ParseError(
                    _("A string in the request body contains characters that cannot be stored.")
                )
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each

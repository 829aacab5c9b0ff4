"""What is to be translated: every message of a package's modules and templates."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from django.utils.translation.template import templatize
from django.utils.translation.trans_real import CONTEXT_SEPARATOR

KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# A message, behind its context where it has one, with its plural, where it has one.
Messages = dict[str, str | None]

_TEXT = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(
    rf"\b(?:(?:_|gettext)\(\s*{_TEXT}|pgettext\(\s*{_TEXT}\s*,\s*{_TEXT}"
    rf"|(?:ngettext\(|npgettext\(\s*{_TEXT}\s*,)\s*{_TEXT}\s*,\s*{_TEXT})"
)


def key(message: str, context: str | None = None) -> str:
    """What a message is looked up by: gettext writes its context before it."""
    return f"{context}{CONTEXT_SEPARATOR}{message}" if context else message


def messages_of(root: Path, *, without: tuple[str, ...] = ()) -> Messages:
    """The messages below a folder, modules first, each folder in the order of its text.

    Args:
        root: A package.
        without: Parts of paths that are left out.
    """
    found: Messages = {}
    for name, _, message, _, context in extract_from_dir(root, keywords=KEYWORDS):
        if not any(part in name for part in without):
            singular, plural = (message, None) if isinstance(message, str) else message[:2]
            found.setdefault(key(singular, context), plural)
    for template in sorted(root.rglob("*.html")):
        if not any(part in template.as_posix() for part in without):
            found = dict(_messages_of_template(template)) | found
    return found


def _messages_of_template(template: Path) -> Iterator[tuple[str, str | None]]:
    calls = templatize(template.read_text(encoding="utf-8"), origin=str(template))
    for match in _CALL.finditer(calls):
        only, about, message, counted, singular, plural = (
            text and ast.literal_eval(text) for text in match.groups()
        )
        if plural is None:
            yield (only, None) if only is not None else (key(message, about), None)
        else:
            yield key(singular, counted), plural

"""What is to be translated: every message of a package's modules and templates."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from django.utils.translation.template import templatize

KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}
# A message with its plural, where it has one.
Messages = dict[str, str | None]

_TEXT = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(?:(?:_|gettext)\(\s*{_TEXT}|ngettext\(\s*{_TEXT}\s*,\s*{_TEXT})")


def messages_of(root: Path, *, without: tuple[str, ...] = ()) -> Messages:
    """The messages below a folder, modules first, each folder in the order of its text.

    Args:
        root: A package.
        without: Parts of paths that are left out.
    """
    found: Messages = {}
    for name, _, message, _, _ in extract_from_dir(root, keywords=KEYWORDS):
        if not any(part in name for part in without):
            singular, plural = (message, None) if isinstance(message, str) else message[:2]
            found.setdefault(singular, plural)
    for template in sorted(root.rglob("*.html")):
        if not any(part in template.as_posix() for part in without):
            for singular, plural in _messages_of_template(template):
                found.setdefault(singular, plural)
    return found


def _messages_of_template(template: Path) -> Iterator[tuple[str, str | None]]:
    calls = templatize(template.read_text(encoding="utf-8"), origin=str(template))
    for match in _CALL.finditer(calls):
        only, singular, plural = (text and ast.literal_eval(text) for text in match.groups())
        yield (only, None) if only is not None else (singular, plural)

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
_TEXT = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"\b(?:_|n?gettext)\(\s*u?{_TEXT}")


def messages_of(root: Path, *, without: tuple[str, ...] = ()) -> set[str]:
    """The message ids below a folder; of one with a plural the singular.

    Args:
        root: A package.
        without: Parts of paths that are left out.
    """
    found = set()
    for template in root.rglob("*.html"):
        if not any(part in template.as_posix() for part in without):
            found.update(_messages_of_template(template))
    for name, _, message, _, _ in extract_from_dir(root, keywords=KEYWORDS):
        if not any(part in name for part in without):
            found.add(message if isinstance(message, str) else message[0])
    return found


def _messages_of_template(template: Path) -> Iterator[str]:
    calls = templatize(template.read_text(encoding="utf-8"), origin=str(template))
    for match in _CALL.finditer(calls):
        yield ast.literal_eval(match[1])

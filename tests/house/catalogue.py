"""The Korean catalogue: ``python -m tests.house.catalogue``, in ``make messages``.

What the code and the theme say and nobody has translated comes to its end, to be filled in; what
nobody says any more is kept as a comment. Everything else stays as and where it is.
"""

import sys
from functools import cache
from pathlib import Path

import django.conf
import unfold
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po, write_po
from django.apps import apps
from django.utils import translation
from django.utils.translation.trans_real import CONTEXT_SEPARATOR

from capital.domain.reasons import Code
from tests.house.messages import Messages, key, messages_of
from tests.paths import ROOT

CATALOGUE = ROOT / "locale" / "ko" / "LC_MESSAGES" / "django.po"
# What scripts of Django say in our words. It is written by hand.
SCRIPTS = CATALOGUE.with_name("djangojs.po")
WIDTH = 100

_THEME = Path(unfold.__file__).parent
# What of the theme is not installed here.
_NOT_INSTALLED = tuple(
    f"contrib/{name}/"
    for name in (
        "constance",
        "guardian",
        "import_export",
        "inlines",
        "location_field",
        "simple_history",
    )
)


@cache
def our_messages() -> Messages:
    """The sentences of codes, then what modules and templates say."""
    found: Messages = dict.fromkeys(code.english for code in Code)
    for app in ("capital", "strategies", "capital_project"):
        found |= messages_of(ROOT / app)
    return found


@cache
def theme_messages() -> Messages:
    """unfold's; what Django's own catalogues translate is not ours to translate."""
    return messages_of(_THEME, without=_NOT_INSTALLED)


@cache
def library_messages() -> Messages:
    """What Django and the other apps say. Our catalogue comes first, so ours replaces theirs."""
    found: Messages = {}
    for folder in _libraries():
        found |= _compiled(folder / "locale") or messages_of(folder)
    return found


def library_korean() -> dict[str, set[str]]:
    """What they say by themselves, where they have Korean; several may say it."""
    found: dict[str, set[str]] = {}
    for folder in _libraries():
        for message in _read_compiled(folder / "locale"):
            found.setdefault(key_of(message), set()).add(first(message.string))
    return found


def _libraries() -> list[Path]:
    folders = [Path(app.path) for app in apps.get_app_configs()]
    others = [each for each in folders if each.parent != ROOT and not each.is_relative_to(_THEME)]
    return [*others, Path(django.conf.__file__).parent]


def _compiled(folder: Path) -> Messages:
    return {
        key_of(message): message.id[1] if isinstance(message.id, tuple | list) else None
        for message in _read_compiled(folder)
    }


def _read_compiled(folder: Path) -> list[Message]:
    path = folder / "ko" / "LC_MESSAGES" / "django.mo"
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [message for message in read_mo(file) if message.id]


def untranslated(messages: Messages) -> Messages:
    """What is English in Korean. Django's own catalogues translate some words that we use."""
    with translation.override("ko"):
        return {
            message: plural
            for message, plural in messages.items()
            if message == _translated(message, plural)
        }


def _translated(message: str, plural: str | None) -> str:
    # Only from Python 3.11.3 on is one that has a plural found without it.
    if plural is None:
        return translation.gettext(message)
    return translation.ngettext(message, plural, 1)


def read(path: Path = CATALOGUE) -> Catalog:
    """As it is written."""
    with path.open("rb") as file:
        return read_po(file)


def write(catalogue: Catalog, path: Path = CATALOGUE) -> None:
    """In the form in which it was read."""
    with path.open("wb") as file:
        write_po(file, catalogue, width=WIDTH)


def first(text: object) -> str:
    """A message, or the singular of one with a plural."""
    return str(text[0] if isinstance(text, tuple | list) else text)


def key_of(message: Message) -> str:
    """What an entry of the catalogue is looked up by."""
    context: str | bytes | None = message.context
    # What babel reads from a compiled catalogue it does not decode.
    return key(first(message.id), context.decode() if isinstance(context, bytes) else context)


def update(catalogue: Catalog, said: Messages, missing: Messages) -> list[str]:
    """Bring the catalogue up to date.

    Args:
        catalogue: Is changed.
        said: Every message that may be said.
        missing: Those of them that have no Korean yet.

    Returns:
        The messages that are to be translated now.
    """
    for place, message in list(catalogue.obsolete.items()):
        if key_of(message) in said:
            del catalogue.obsolete[place]
            catalogue[message.id] = message
    written = {key_of(message): message for message in catalogue if message.id}
    for text, message in written.items():
        if text not in said:
            catalogue.delete(message.id, message.context)
            catalogue.obsolete[text] = message
    for text, plural in missing.items():
        if text not in written:
            context, _, alone = text.rpartition(CONTEXT_SEPARATOR)
            catalogue.add((alone, plural) if plural else alone, context=context or None)
    return [
        first(message.id) for message in catalogue if message.id and not any(message.string or "")
    ]


def main() -> None:
    """Bring ours up to date and say what is to be translated."""
    django.setup()
    said = our_messages() | theme_messages()
    catalogue = read()
    missing = untranslated(said)
    to_translate = update(catalogue, said | library_messages(), missing)
    write(catalogue)
    for message in to_translate:
        print(f"to translate in {CATALOGUE.relative_to(ROOT)}: {message}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

"""argparse in the reader's language: ``usage``, ``options``, and what is wrong with an argument.

It asks gettext for its own messages, but the gettext of the machine, which knows neither
LANGUAGE_CODE nor our catalogue. So it is given Django's.
"""

import argparse

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# Its messages that a command of ours can show, for the catalogue.
_SHOWN = (
    _("usage: "),
    _("positional arguments"),
    _("options"),
    _("show this help message and exit"),
    _("argument %(argument_name)s: %(message)s"),
    _("the following arguments are required: %s"),
    _("unrecognized arguments: %s"),
    _("ambiguous option: %(option)s could match %(matches)s"),
    _("ignored explicit argument %r"),
    _("expected one argument"),
    _("expected at least one argument"),
    _("expected %s argument"),
    _("expected %s arguments"),
    _("invalid %(type)s value: %(value)r"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("%(prog)s: error: %(message)s\n"),
)


def install() -> None:
    """Let argparse ask Django."""
    setattr(argparse, "_", _translated)  # noqa: B010  # it is no attribute for mypy
    setattr(argparse, "ngettext", _counted)  # noqa: B010


def _counted(one: str, many: str, number: int) -> str:
    return gettext(one if number == 1 else many)


def _translated(message: str | None) -> str | None:
    return message if message is None else gettext(message)

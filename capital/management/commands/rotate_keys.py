"""``rotate_keys``: encrypt every stored secret with the first key."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import print_json
from capital.services.access import Rotation, rotate_keys


class Command(CapitalCommand):
    """Exit status 0: every value needs the first key only; 1: a value cannot be decrypted."""

    help = gettext_lazy(
        "Encrypt all stored credentials with the first of FIELD_ENCRYPTION_KEYS. It can be "
        "interrupted and run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--batch",
            type=_positive,
            default=500,
            metavar="ROWS",
            help=_("rows that are locked at once (default: 500)"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            done = rotate_keys(batch=options["batch"])
        if options["json"]:
            print_json(self.stdout, _as_json(done))
        else:
            self.stdout.write("\n".join(_sentences(done)))
        if not done.is_complete:
            sys.exit(1)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise ArgumentTypeError(_("must be a whole number, 1 or more"))
    return number


def _as_json(done: Rotation) -> dict[str, Any]:
    return {
        "encrypted": done.encrypted,
        "current": done.current,
        "unreadable": [
            {"model": each.model, "id": each.pk, "row": each.row, "field": each.field}
            for each in done.unreadable
        ],
        "is_complete": done.is_complete,
    }


def _sentences(done: Rotation) -> list[str]:
    lines = [
        ngettext(
            "%(count)s value was encrypted again with the first key.",
            "%(count)s values were encrypted again with the first key.",
            done.encrypted,
        )
        % {"count": done.encrypted},
        ngettext(
            "%(count)s value was encrypted with it already.",
            "%(count)s values were encrypted with it already.",
            done.current,
        )
        % {"count": done.current},
    ]
    lines += [
        _("Cannot be decrypted with any key: %(field)s of %(model)s %(id)s, %(row)s.")
        % {"field": each.field, "model": each.model, "id": each.pk, "row": each.row}
        for each in done.unreadable
    ]
    if not done.is_complete:
        lines.append(
            _(
                "Do not remove a key yet. Add the missing key to FIELD_ENCRYPTION_KEYS, or enter "
                "these values again; then run this command again."
            )
        )
    elif len(settings.FIELD_ENCRYPTION_KEYS) > 1:
        lines.append(
            _(
                "The other keys can be removed from FIELD_ENCRYPTION_KEYS once every web and "
                "worker process has been restarted with this first key and this command, run "
                "again after that, encrypts nothing. Backups made before still need them."
            )
        )
    return lines

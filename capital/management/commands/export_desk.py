"""``export_desk``: a whole desk into one file."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.domain.errors import DeskFileRefused
from capital.domain.reasons import Code
from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.passphrases import add_passphrase_argument, chosen_passphrase
from capital.services.desks import export_desk


class Command(CapitalCommand):
    """Exit status 0: it was written; 2: it was not."""

    help = gettext_lazy(
        "Write users, groups, strategies, accounts and their links to one YAML file, for "
        "import_desk on another site. Passwords, tokens and webhook secrets are not in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("must not exist yet"))
        parser.add_argument(
            "--with-secrets",
            action="store_true",
            help=_("API credentials and alert targets, too, encrypted to a passphrase"),
        )
        add_passphrase_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"]
        with errors_translated():
            passphrase = None
            if options["with_secrets"] or options["passphrase_file"]:
                passphrase = chosen_passphrase(options["passphrase_file"], is_new=True)
            made = export_desk(passphrase=passphrase)
            _write(file, made.text)
        self.stdout.write(
            _(
                "Wrote %(file)s. Users: %(users)s, groups: %(groups)s, strategies: %(strategies)s, "
                "accounts: %(accounts)s, strategy links: %(links)s."
            )
            % {"file": file, **made.counts}
        )
        if passphrase is None:
            self.stdout.write(
                _("API credentials and alert targets are not in it: see --with-secrets.")
            )


def _write(file: Path, text: str) -> None:
    """For its owner's eyes only, and never over another file."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise DeskFileRefused(Code.DESK_FILE_EXISTS, file=str(file)) from None
    except OSError:
        raise DeskFileRefused(Code.DESK_FILE_UNWRITABLE, file=str(file)) from None
    with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123  # it is open already
        stream.write(text)

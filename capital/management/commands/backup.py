"""``backup``: write the whole database to a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.services.backups import make_backup


class Command(CapitalCommand):
    """Exit status 0: it was made; 2: it was not."""

    help = gettext_lazy(
        "Write the whole database to a file, while the site and the jobs go on. Keep "
        "FIELD_ENCRYPTION_KEYS apart from it: both are needed to restore."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("must not exist yet"))

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            made = make_backup(options["file"])
        self.stdout.write(
            _("Wrote %(file)s (%(size)s bytes). See that it holds: %(command)s")
            % {
                "file": made.file,
                "size": f"{made.size:,}",
                "command": f"python manage.py restore {made.file} --check",
            }
        )

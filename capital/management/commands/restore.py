"""``restore``: put the database back to what a backup holds, or see that one holds."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.services.backups import check_backup, restore_backup


class Command(CapitalCommand):
    """Exit status 0: done, or the backup is sound; 1: the audit found a violation; 2: refused."""

    help = gettext_lazy(
        "Put the database back to what a backup holds. With --check, restore it beside the "
        "database, audit it there, and remove it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("a backup of this database"))
        how = parser.add_mutually_exclusive_group()
        how.add_argument(
            "--check", action="store_true", help=_("only see that it can be restored and audited")
        )
        how.add_argument(
            "--replace", action="store_true", help=_("replace a database that holds accounts")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file = options["file"]
        with errors_translated():
            if options["check"]:
                self._check(file)
                return
            restore_backup(file, replaces=options["replace"])
        self.stdout.write(
            _("Restored %(file)s. Next: %(migrate)s, %(audit)s, then start the site and workers.")
            % {
                "file": file,
                "migrate": "python manage.py migrate",
                "audit": "python manage.py audit_capital",
            }
        )

    def _check(self, file: Path) -> None:
        status = check_backup(file)
        if status:
            self.stderr.write(_("%(file)s was restored, but it is not sound.") % {"file": file})
            sys.exit(1)
        self.stdout.write(_("%(file)s can be restored, and its audit is clean.") % {"file": file})

"""``venues_table``: write the table of supported exchanges into ``docs/venues.md``."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from capital.exchange.venue_table import with_table
from capital.management.base import CapitalCommand

PAGE = Path(__file__).resolve().parents[3] / "docs" / "venues.md"


class Command(CapitalCommand):
    """Exit status 0: the page is up to date; 1: with --check, it was not."""

    help = gettext_lazy("Write the table of what each exchange supports into docs/venues.md.")
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help=_("write nothing; fail if the page is out of date")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        before = PAGE.read_text(encoding="utf-8")
        after = with_table(before)
        if before == after:
            return
        if options["check"]:
            raise CommandError(_("docs/venues.md is out of date. Run: make venues"))
        PAGE.write_text(after, encoding="utf-8")

"""``sync_markets``: fetch the exchanges' instrument rules now."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.table import Table
from rich.text import Text

from capital.management.arguments import errors_translated
from capital.management.output import console_on, print_json
from capital.services.markets import VenueSync, sync_markets
from capital.services.sentences import sentence

_COUNTS = ("added", "changed", "unchanged", "withdrawn", "unusable")


class Command(BaseCommand):
    """Exit status 0: every exchange was synced; 1: one was not; 2: invalid arguments."""

    help = "Fetch the instrument rules (steps, limits, contract sizes) for sizing orders."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--venue",
            action="extend",
            nargs="+",
            metavar="ID",
            help="limit to these exchanges, by ccxt id (default: those of active accounts)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        with errors_translated():
            syncs = sync_markets(options["venue"])
        if options["json"]:
            print_json(self.stdout, {"venues": [_as_json(sync) for sync in syncs]})
        elif syncs:
            console_on(self.stdout).print(_table(syncs))
        else:
            console_on(self.stdout).print(_("No active accounts."))
        if any(sync.problem is not None for sync in syncs):
            sys.exit(1)


def _as_json(sync: VenueSync) -> dict[str, Any]:
    return {
        "venue": sync.venue,
        **{name: sync.counts.get(name) for name in _COUNTS},
        "code": None if sync.problem is None else sync.problem.code.value,
        "reason": None if sync.problem is None else sentence(sync.problem),
    }


def _table(syncs: list[VenueSync]) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Exchange"), no_wrap=True)
    for label in (_("Added"), _("Changed"), _("Unchanged"), _("Delisted"), _("Unusable")):
        table.add_column(label, justify="right", no_wrap=True)
    table.add_column(_("Error"), overflow="fold", min_width=20, ratio=1)
    for sync in syncs:
        counts = [str(sync.counts[name]) if sync.counts else "—" for name in _COUNTS]
        problem = "" if sync.problem is None else sentence(sync.problem)
        table.add_row(sync.venue, *counts, Text(problem, style="bold red"))
    return table

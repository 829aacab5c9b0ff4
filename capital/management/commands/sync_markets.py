"""``sync_markets``: fetch the exchanges' instrument rules now."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table
from rich.text import Text

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.services.figures import shown_change
from capital.services.markets import VenueSync, accept_rules, sync_markets
from capital.services.sentences import sentence

_COUNTS = ("added", "changed", "unchanged", "withdrawn", "unusable")
# Told where there are any.
_RARE = ("suspect", "duplicate")


class Command(CapitalCommand):
    """Exit status 0: every exchange was synced; 1: one was not; 2: invalid arguments."""

    help = gettext_lazy(
        "Fetch the instrument rules (steps, limits, contract sizes) for sizing orders."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--venue",
            action="extend",
            nargs="+",
            metavar="ID",
            help=_("limit to these exchanges, by ccxt id (default: those of active accounts)"),
        )
        parser.add_argument(
            "--accept",
            nargs=2,
            metavar=("VENUE", "SYMBOL"),
            help=_("accept the changed contract size or unit of an instrument; fetches nothing"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept"]:
            self._accept(*options["accept"], as_json=options["json"])
            return
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

    def _accept(self, venue: str, symbol: str, *, as_json: bool) -> None:
        with errors_translated():
            change = accept_rules(venue, symbol)
        if as_json:
            print_json(self.stdout, {"venue": venue, "symbol": symbol, "change": change})
            return
        message = _("Accepted the changed rules of %(symbol)s on %(venue)s: %(change)s.")
        figures = {"symbol": symbol, "venue": venue, "change": shown_change(change)}
        console_on(self.stdout).print(Text(message % figures))


def _as_json(sync: VenueSync) -> dict[str, Any]:
    return {
        "venue": sync.venue,
        **{name: sync.counts.get(name) for name in _COUNTS},
        **{name: sync.counts[name] for name in _RARE if sync.counts.get(name)},
        "code": None if sync.problem is None else sync.problem.code.value,
        "reason": None if sync.problem is None else sentence(sync.problem),
    }


def _table(syncs: list[VenueSync]) -> Table:
    rare = [name for name in _RARE if any(sync.counts.get(name) for sync in syncs)]
    labels = {
        "added": _("Added"),
        "changed": _("Changed"),
        "unchanged": _("Unchanged"),
        "withdrawn": _("Delisted"),
        "unusable": _("Unusable"),
        "suspect": _("To accept"),
        "duplicate": _("Duplicates"),
    }
    table = Table(header_style="bold")
    table.add_column(_("Exchange"), no_wrap=True)
    for name in (*_COUNTS, *rare):
        table.add_column(labels[name], justify="right", no_wrap=True)
    table.add_column(_("Error"), overflow="fold", min_width=20, ratio=1)
    for sync in syncs:
        counts = [str(sync.counts[name]) if sync.counts else "—" for name in (*_COUNTS, *rare)]
        problem = "" if sync.problem is None else sentence(sync.problem)
        table.add_row(sync.venue, *counts, Text(problem, style="bold red"))
    return table

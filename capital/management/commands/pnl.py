"""``pnl``: what strategies earned, after fees and funding."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.domain.money import with_decimals
from capital.management.arguments import add_account_argument, errors_translated, read_day
from capital.management.base import CapitalCommand
from capital.management.output import console_on, grouped, print_json
from capital.services.accounts import find_account_ids
from capital.services.performance import chosen_period
from capital.services.trading import GROUPS, PnlRow, account_pnl


class Command(CapitalCommand):
    """Exit status 0: shown; 2: invalid arguments."""

    help = gettext_lazy("Show what strategies earned, from their fills. Writes nothing.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser, everyone=_("every account"))
        parser.add_argument(
            "--by",
            action="append",
            default=[],
            choices=GROUPS,
            help=_("one row for each; may be given twice (default: one row for each currency)"),
        )
        parser.add_argument("--from", type=read_day, metavar="DATE", help=_("first day"))
        parser.add_argument("--to", type=read_day, metavar="DATE", help=_("last day, included"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        by = list(dict.fromkeys(options["by"]))
        with errors_translated():
            ids = find_account_ids(options["account"]) if options["account"] else None
            since, until = options["from"], options["to"]
            # The wrong way round, they would look like days without fills.
            chosen_period(since=since, until=until or since, now=timezone.now())
            rows = account_pnl(ids, by=by, since=since, until=until)
        if options["json"]:
            print_json(self.stdout, {"rows": [_as_json(row) for row in rows]})
        elif rows:
            console_on(self.stdout).print(_table(rows, by))
        else:
            console_on(self.stdout).print(
                _("No fills are known for that. Report them: see docs/bots.md.")
            )


def _as_json(row: PnlRow) -> dict[str, Any]:
    answer = asdict(row)
    answer["date"] = None if row.date is None else row.date.isoformat()
    return answer


def _table(rows: list[PnlRow], by: list[str]) -> Table:
    names = {
        "strategy": _("Strategy"),
        "account": _("Account"),
        "symbol": _("Symbol"),
        "day": _("Day"),
    }
    table = Table(header_style="bold")
    for name in by:
        table.add_column(names[name], overflow="fold")
    table.add_column(_("Currency"), no_wrap=True)
    for title in (_("Realised"), _("Unrealised"), _("Fees"), _("Funding")):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(_("Fees of unknown value"), justify="right", overflow="fold")
    table.add_column(_("Fills"), justify="right", no_wrap=True)
    table.add_column(_("Trades"), justify="right", no_wrap=True)
    for row in rows:
        groups = [row.date if name == "day" else getattr(row, name) for name in by]
        amounts = (row.realized, row.unrealized, row.fees, row.funding)
        table.add_row(
            *(_("nobody's") if group is None else str(group) for group in groups),
            row.currency,
            *(
                grouped(None if amount is None else with_decimals(amount, row.currency))
                for amount in amounts
            ),
            "\n".join(f"{grouped(fee)} {name}" for name, fee in row.fees_unvalued.items()),
            str(row.fills),
            str(row.trades),
        )
    return table

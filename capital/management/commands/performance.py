"""``performance``: how well strategies did, over a period."""

import csv
from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.domain.money import with_decimals
from capital.management.arguments import add_account_argument, errors_translated, read_day
from capital.management.base import CapitalCommand
from capital.management.output import console_on, grouped, hundredths, in_percent, print_json
from capital.models import StrategyAccount
from capital.services.accounts import find_account_ids
from capital.services.performance import (
    FIGURES,
    GROUPS,
    PERIODS,
    Kind,
    PerformanceReport,
    chosen_period,
    columns_of,
    figures_of,
    performance,
    report_as_json,
    report_as_table,
)

_HEADS = {
    "strategy": gettext_lazy("Strategy"),
    "link": gettext_lazy("Strategy / account"),
    "account": gettext_lazy("Account"),
    "owner": gettext_lazy("Owner"),
    "symbol": gettext_lazy("Symbol"),
}


class Command(CapitalCommand):
    """Exit status 0: shown; 2: invalid arguments."""

    help = gettext_lazy(
        "Show how well strategies did: return, ROI, drawdown, ratios, trades. Writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser, everyone=_("every account"))
        parser.add_argument(
            "--by", default="strategy", choices=GROUPS, help=_("one row for each of these")
        )
        parser.add_argument(
            "--period", choices=PERIODS, help=_("days up to today (default: the last 30)")
        )
        parser.add_argument("--from", type=read_day, metavar="DATE", help=_("first day"))
        parser.add_argument("--to", type=read_day, metavar="DATE", help=_("last day, included"))
        parser.add_argument("--currency", help=_("only what was earned in this currency"))
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help=_("print one JSON object"))
        form.add_argument("--csv", action="store_true", help=_("print CSV"))

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            period = chosen_period(
                options["period"],
                since=options["from"],
                until=options["to"],
                now=timezone.now(),
            )
            links = StrategyAccount.objects.all()
            if options["account"]:
                links = links.filter(account__in=find_account_ids(options["account"]))
            report = performance(
                links,
                by=options["by"],
                period=period,
                currency=options["currency"],
                with_series=options["json"] or options["csv"],
            )
        if options["json"]:
            print_json(self.stdout, report_as_json(report))
        elif options["csv"]:
            csv.writer(self.stdout, lineterminator="\n").writerows(report_as_table(report))
        elif report.rows:
            console_on(self.stdout).print(_table(report))
        else:
            console_on(self.stdout).print(
                _("No fills are known for that. Report them: see docs/bots.md.")
            )


def _table(report: PerformanceReport) -> Table:
    table = Table(header_style="bold")
    table.add_column(str(_HEADS[report.by]), overflow="fold")
    table.add_column(_("Currency"), no_wrap=True)
    # JSON and CSV have all figures.
    names = columns_of(report.by)
    if report.by != "symbol":
        names += ("days_unknown",)
    for name in names:
        table.add_column(str(FIGURES[name].title), justify="right", overflow="fold")
    for row in report.rows:
        values = figures_of(row, names).values
        table.add_row(
            row.group.name,
            row.currency,
            *(_cell(FIGURES[name].kind, values[name], row.currency) for name in names),
        )
    return table


def _cell(kind: Kind, value: Any, currency: str) -> str:
    """A figure as people read it; a dash where it has no answer."""
    if value is None:
        return "—"
    if kind is Kind.PART:
        return f"{grouped(in_percent(value))} %"
    if kind is Kind.AMOUNT:
        return grouped(with_decimals(value, currency))
    return grouped(hundredths(value)) if kind is Kind.RATIO else str(value)

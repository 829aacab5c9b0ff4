"""``replay``: the days on record of an account by another policy."""

from argparse import ArgumentParser, ArgumentTypeError
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.domain.allocation.rules import PolicyName
from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount
from capital.domain.reasons import Reason
from capital.management.arguments import errors_translated, read_day
from capital.management.base import CapitalCommand
from capital.management.output import console_on, grouped, in_percent, print_json
from capital.services.accounts import find_account_ids
from capital.services.allocation import (
    COURSE_FIGURES,
    Comparison,
    Figure,
    comparison_as_json,
    in_quanta_of,
    last_capital,
    replay_policy,
)
from capital.services.labels import POLICY_NAMES
from capital.services.performance import chosen_period
from capital.services.sentences import sentence

_LEAST_LOOKBACK, _MOST_LOOKBACK = 30, 1000


class Command(CapitalCommand):
    """Exit status 0: shown; 2: invalid arguments, or nothing on record."""

    help = gettext_lazy(
        "Show the days on record of an account beside the same days by another allocation policy: "
        "capital, equity, return, drawdown and turnover. Writes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--account", required=True, metavar="ID_OR_NAME", help=_("by id or exact name")
        )
        parser.add_argument(
            "--policy",
            required=True,
            choices=[policy.value for policy in PolicyName],
            help=_("by which the pools are divided"),
        )
        parser.add_argument(
            "--lookback-days",
            type=_read_lookback,
            metavar="DAYS",
            help=_("over how many days volatility is measured (default: the account's)"),
        )
        parser.add_argument(
            "--drift-band-percent",
            type=_read_percent,
            metavar="PERCENT",
            help=_("leave differences up to this alone (default: the account's)"),
        )
        parser.add_argument("--from", type=read_day, metavar="DATE", help=_("first day"))
        parser.add_argument("--to", type=read_day, metavar="DATE", help=_("last day, included"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            (account_id,) = find_account_ids([options["account"]])
            comparison = replay_policy(
                account_id,
                PolicyName(options["policy"]),
                period=chosen_period(
                    "all" if options["from"] is options["to"] is None else None,
                    since=options["from"],
                    until=options["to"],
                    now=timezone.now(),
                ),
                lookback_days=options["lookback_days"],
                drift_band_percent=options["drift_band_percent"],
            )
        if options["json"]:
            print_json(self.stdout, comparison_as_json(comparison))
            return
        console = console_on(self.stdout)
        console.print(_figures(comparison))
        console.print(_strategies(comparison))
        for reason in comparison.unknown:
            console.print(f"- {sentence(reason)}")


def _figures(comparison: Comparison) -> Table:
    first, last = comparison.days[0], comparison.days[-1]
    currency = comparison.account.currency
    table = Table(title=f"{comparison.account.name}: {first} … {last}", header_style="bold")
    table.add_column(currency)
    table.add_column(_("As recorded"), justify="right")
    table.add_column(str(POLICY_NAMES[comparison.rules.policy]), justify="right")
    for figure in COURSE_FIGURES.values():
        courses = (comparison.recorded, comparison.replayed)
        table.add_row(str(figure.title), *(_cell(figure, each, currency) for each in courses))
    return table


def _strategies(comparison: Comparison) -> Table:
    """What each strategy had on the last day, and earned."""
    currency = comparison.account.currency
    table = Table(header_style="bold")
    table.add_column(_("Strategy"), overflow="fold")
    policy = str(POLICY_NAMES[comparison.rules.policy])
    courses = ((_("As recorded"), comparison.recorded), (policy, comparison.replayed))
    for name, _course in courses:
        table.add_column(f"{_('Capital')} ({name})", justify="right")
        table.add_column(f"{_('PnL')} ({name})", justify="right")
    for link in comparison.links:
        cells = []
        for _name, course in courses:
            capital = last_capital(course, link.id)
            cells += [capital, course.earned_by(link.id)]
        table.add_row(
            link.strategy_key,
            *("—" if each is None else grouped(in_quanta_of(each, currency)) for each in cells),
        )
    return table


def _cell(figure: Figure, course: Any, currency: str) -> str:
    value = figure.of(course)
    if isinstance(value, Reason):
        return "—"
    if isinstance(value, int):
        return str(value)
    if figure.is_part:
        return f"{grouped(in_percent(value))} %"
    return grouped(in_quanta_of(value, currency))


def _read_lookback(text: str) -> int:
    """The type of the argument: as an account takes it."""
    if text.isascii() and text.isdigit() and _LEAST_LOOKBACK <= int(text) <= _MOST_LOOKBACK:
        return int(text)
    raise ArgumentTypeError(_("Must be a whole number from 30 to 1000."))


def _read_percent(text: str) -> Decimal:
    """The type of the argument: from 0 to 100."""
    message = _("Must be a number from 0 to 100.")
    try:
        percent = parse_amount(text)
    except InvalidAmount:
        raise ArgumentTypeError(message) from None
    if not 0 <= percent <= 100:
        raise ArgumentTypeError(message)
    return percent

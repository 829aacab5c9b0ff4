"""``import_trades``: fills and funding from a file."""

from argparse import ArgumentParser
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rich.table import Table

from capital.domain.money import with_decimals
from capital.management.arguments import BAD_ARGUMENTS, errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, grouped
from capital.services.accounts import find_account_ids
from capital.services.sentences import sentence
from capital.services.trading import (
    ImportedSum,
    ImportReport,
    LineProblem,
    alike_problems,
    import_trades,
    read_trade_file,
)

# Of more, whoever reads them sees what is wrong with the file.
_MOST_PROBLEMS = 20


class Command(CapitalCommand):
    """Exit status 0: imported, or shown; 2: invalid arguments, or a file that cannot be used."""

    help = gettext_lazy(
        "Import fills and funding from a CSV, an XLSX, or the database of a freqtrade bot. It may "
        "be repeated: what is known is not recorded again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help=_("the file"))
        parser.add_argument(
            "--account",
            required=True,
            metavar="ID_OR_NAME",
            help=_("the account on which it was traded, by id or exact name"),
        )
        parser.add_argument(
            "--strategy",
            default="",
            metavar="KEY_OR_NAME",
            help=_("whose trades all of them are (default: the strategy that each line names)"),
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("record nothing, show what would be recorded")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            (account_id,) = find_account_ids([options["account"]])
            report = import_trades(
                account_id,
                read_trade_file(options["file"]),
                strategy=options["strategy"],
                dry_run=options["dry_run"],
            )
        if report.problems:
            raise CommandError(_problems(report.problems), returncode=BAD_ARGUMENTS)
        console = console_on(self.stdout)
        if not report.links:
            console.print(_("The file contains no trades."))
            return
        console.print(_links(report))
        console.print(_sums(report))
        for currency, sums in report.sums.items():
            for line in _explanation(currency, sums):
                console.print(line)
        for text in _warnings(report):
            console.print(text)
        if not report.is_recorded:
            console.print(_("Nothing was recorded (--dry-run)."))


def _problems(problems: tuple[LineProblem, ...]) -> str:
    lines = [
        ngettext(
            "Line %(number)s, %(column)s: %(problem)s",
            "Lines %(number)s, %(column)s: %(problem)s",
            len(each.numbers),
        )
        % {"number": each.ranges, "column": each.column, "problem": sentence(each.reason)}
        for each in alike_problems(problems)
    ]
    end = _("Nothing was recorded. Correct the file, then import it again.")
    return "\n".join([*_first_of(lines), end])


def _warnings(report: ImportReport) -> list[str]:
    """What is to be known of lines that were taken."""
    return _first_of(
        [
            _("Line %(number)s: %(problem)s")
            % {"number": each.line.number, "problem": sentence(reason)}
            for each in report.lines
            for reason in each.result.warnings
        ]
    )


def _first_of(lines: list[str]) -> list[str]:
    """So many of them as a person reads, and how many there are besides."""
    left = len(lines) - _MOST_PROBLEMS
    if left <= 0:
        return lines
    return [*lines[:_MOST_PROBLEMS], _("… and %(left)s more.") % {"left": left}]


def _links(report: ImportReport) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Strategy"), overflow="fold")
    for title in (
        _("New fills"),
        _("Already known"),
        _("Known, with other figures"),
        _("Funding payments"),
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for link in report.links:
        counts = (link.recorded, link.known, link.differs, link.fundings)
        table.add_row(link.strategy, *map(str, counts))
    return table


def _sums(report: ImportReport) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Currency"), no_wrap=True)
    for title in (_("Realised"), _("Fees"), _("Funding"), _("Fees of unknown value")):
        table.add_column(title, justify="right", overflow="fold")
    for currency, sums in report.sums.items():
        unvalued = (f"{grouped(fee)} {name}" for name, fee in sums.fees_unvalued.items())
        amounts = (sums.realized, sums.fees, sums.funding)
        table.add_row(currency, *(_amount(each, currency) for each in amounts), "\n".join(unvalued))
    return table


def _amount(amount: Decimal, currency: str) -> str:
    return grouped(with_decimals(amount, currency))


def _explanation(currency: str, sums: ImportedSum) -> list[str]:
    """What freqtrade says instead, and why."""
    said, lines = sums.explained, []
    if said is not None and said.stated != sums.realized:
        lines.append(
            _("freqtrade says %(stated)s %(currency)s realised. The difference:")
            % {"stated": _amount(said.stated, currency), "currency": currency}
        )
        lines.extend(f"  {_amount(part, currency)}  {why}" for part, why in sums.difference)
    if sums.unsettled:
        lines.append(
            _(
                "Not imported: funding of %(amount)s %(currency)s on open trades, which freqtrade "
                "settles with their next order."
            )
            % {"amount": _amount(sums.unsettled, currency), "currency": currency}
        )
    return lines

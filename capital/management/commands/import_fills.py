"""``import_fills``: fills of an account, read back from its exchange."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on
from capital.services.accounts import find_account_ids
from capital.services.sentences import sentence
from capital.services.trading import ReadReport, import_fills

_PROBLEMS = {
    "no row": gettext_lazy("not a row"),
    "no symbol": gettext_lazy("no symbol"),
    "an unknown instrument": gettext_lazy("an unknown instrument"),
    "no side": gettext_lazy("no side"),
    "no direction": gettext_lazy("not said whether it came or went"),
    "no quantity": gettext_lazy("no quantity"),
    "no price": gettext_lazy("no price"),
    "no time": gettext_lazy("no time"),
    "no id": gettext_lazy("no id"),
    "not a number": gettext_lazy("not a number"),
    "a fee without a currency": gettext_lazy("a fee without a currency"),
    "a reversal or a correction": gettext_lazy("a reversal or a correction"),
    "too long a name": gettext_lazy("too long a name"),
    "what a quantity counts is not known": gettext_lazy("what its quantity counts is not known"),
}


class Command(CapitalCommand):
    """Exit status 0: all was read; 1: not all of it; 2: invalid arguments."""

    help = gettext_lazy(
        "Read the fills of an account back from its exchange. It may be repeated and stopped: what "
        "is known is not recorded again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--account",
            required=True,
            metavar="ID_OR_NAME",
            help=_("the account on which it was traded, by id or exact name"),
        )
        parser.add_argument(
            "--since", required=True, type=_moment, metavar="TIME", help=_("from this day or time")
        )
        parser.add_argument(
            "--until",
            type=_moment,
            metavar="TIME",
            help=_("before this day or time (default: now)"),
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            (account_id,) = find_account_ids([options["account"]])
            report = import_fills(account_id, since=options["since"], until=options["until"])
        console = console_on(self.stdout)
        console.print(_counts(report))
        for name, begins in report.cut.items():
            console.print(
                _("%(asked)s is told from %(begins)s on only.")
                % {"asked": name, "begins": timezone.localtime(begins).strftime("%Y-%m-%d")}
            )
        for row in report.unread:
            console.print(
                _("Not booked: %(name)s %(id)s (%(problem)s)")
                % {"name": row.name or "—", "id": row.row_id, "problem": _PROBLEMS[row.problem]}
            )
        if report.failures:
            lines = [
                f"{name}: {sentence(reason)}" for name, reason in sorted(report.failures.items())
            ]
            raise CommandError("\n".join([*lines, _("Not all was read. Run it again.")]))


def _moment(text: str) -> datetime:
    """A day, or a time; in the project's time zone unless it says which."""
    try:
        moment = datetime.fromisoformat(text)
        aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        message = _("“%(text)s” is not a time. Write it as 2026-11-30 or 2026-11-30T09:00.") % {
            "text": text
        }
        raise ArgumentTypeError(message) from None


def _counts(report: ReadReport) -> Table:
    table = Table(header_style="bold")
    for title in (
        _("New fills"),
        _("Already known"),
        _("Known, with other figures"),
        _("Of nobody"),
    ):
        table.add_column(title, justify="right", no_wrap=True)
    counts = (report.recorded, report.known, report.differs, report.unattributed)
    table.add_row(*map(str, counts))
    return table

"""``alerts``: what was told, what waits, and what was not delivered."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.management.arguments import errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, print_json
from capital.models import Alert, AlertDelivery
from capital.services.accounts import find_account_ids
from capital.services.alerts import (
    as_json,
    delivery_as_json,
    seen_alerts,
    sentence_of_alert,
    told_of,
    undelivered,
    waiting_messages,
)

_SHOWN = 20


class Command(CapitalCommand):
    """Exit status 0: shown; 2: invalid arguments."""

    help = gettext_lazy("Show what was told last, and the messages that were not delivered.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--account",
            action="extend",
            nargs="+",
            metavar="ACCOUNT",
            help=_("only alerts of these accounts, by id or name"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        rows = seen_alerts(None)
        with errors_translated():
            if options["account"]:
                rows = rows.filter(account__in=find_account_ids(options["account"]))
        alerts = list(rows[:_SHOWN])
        failed, waiting = list(undelivered()[:_SHOWN]), waiting_messages()
        if options["json"]:
            answer = {
                "alerts": [as_json(alert) for alert in alerts],
                "undelivered": [delivery_as_json(row) for row in failed],
                "waiting": waiting,
            }
            print_json(self.stdout, answer)
            return
        console = console_on(self.stdout)
        if alerts:
            console.print(_alerts(alerts))
        else:
            console.print(_("Nothing was told."))
        console.print(_("Messages that wait: %(count)s") % {"count": waiting})
        if failed:
            console.print(_failed(failed))


def _alerts(alerts: list[Alert]) -> Table:
    table = Table(header_style="bold")
    for title in (_("Time"), _("Kind"), _("About"), _("What was told")):
        table.add_column(title, overflow="fold")
    for alert in alerts:
        at = timezone.localtime(alert.at).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(at, alert.get_kind_display(), alert.subject, sentence_of_alert(alert))
    return table


def _failed(rows: list[AlertDelivery]) -> Table:
    table = Table(header_style="bold", title=_("Messages that were not delivered"))
    for title in (_("User"), _("Target"), _("Kind"), _("Result")):
        table.add_column(title, overflow="fold")
    for row in rows:
        target = row.target
        table.add_row(
            target.user.get_username(),
            f"{target.name} ({target.shown_address})",
            row.get_kind_display(),
            told_of(row),
        )
    return table

"""``reservations``: what is held for orders, and releasing it by hand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from rich.table import Table

from capital.domain.errors import CapitalError
from capital.domain.limits.reservations import ReservationState
from capital.management.arguments import (
    BAD_ARGUMENTS,
    add_account_argument,
    chosen_account_ids,
    errors_translated,
    read_whole,
)
from capital.management.base import CapitalCommand
from capital.management.names import side_name
from capital.management.output import console_on, grouped, print_json
from capital.models import RESERVATION_STATES, Reservation
from capital.services.limits import release_reservation, reservation_as_json, reservations_of
from capital.services.sentences import sentence


class Command(CapitalCommand):
    """Exit status 0: shown, or released; 2: invalid arguments, or it cannot be released."""

    help = gettext_lazy("Show the capital that is reserved for orders, or release it.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser)
        parser.add_argument(
            "--all", action="store_true", help=_("also those that have ended, newest first")
        )
        parser.add_argument(
            "--release",
            metavar="ID",
            type=read_whole,
            action="extend",
            nargs="+",
            default=[],
            help=_("hold nothing any more for these reservations: their orders will not be filled"),
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        with errors_translated():
            ids = chosen_account_ids(options["account"])
            _release(options["release"])
            rows = reservations_of(ids, only_held=not options["all"])
        if options["json"]:
            print_json(self.stdout, {"reservations": [_as_json(row) for row in rows]})
        elif rows:
            console_on(self.stdout).print(_table(rows))
        else:
            console_on(self.stdout).print(_("Nothing is reserved."))


def _release(ids: list[int]) -> None:
    """Release each of them that can be; those that cannot are named, and keep no other from it."""
    refused = {}
    for pk in ids:
        try:
            release_reservation(pk, actor=None)
        except CapitalError as error:
            refused[pk] = sentence(error.reason)
    if refused:
        lines = [f"{pk}: {why}" if len(ids) > 1 else why for pk, why in refused.items()]
        raise CommandError("\n".join(lines), returncode=BAD_ARGUMENTS)


def _as_json(row: Reservation) -> dict[str, Any]:
    return {
        **reservation_as_json(row, now=timezone.now()),
        "strategy": row.strategy_account.strategy.key,
        "account": row.strategy_account.account.name,
        "symbol": row.symbol,
        "side": row.side,
        "quantity": row.quantity,
        "filled_quantity": row.filled_quantity,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
    }


def _table(rows: list[Reservation]) -> Table:
    table = Table(header_style="bold")
    table.add_column(_("Id"), justify="right", no_wrap=True)
    for title in (_("Account"), _("Strategy"), pgettext("trading", "Order")):
        table.add_column(title, overflow="fold")
    table.add_column(_("Holds"), justify="right", no_wrap=True)
    table.add_column(_("State"), no_wrap=True)
    table.add_column(_("Expires"), no_wrap=True)
    table.add_column(_("Order id"), overflow="fold")
    now, names = timezone.now(), dict(RESERVATION_STATES)
    for row in rows:
        link, state = row.strategy_account, row.reserved.state_at(now)
        expires = timezone.localtime(row.expires_at).strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            str(row.pk),
            link.account.name,
            link.strategy.key,
            f"{side_name(row.side)} {grouped(row.quantity)} {row.symbol}",
            f"{grouped(row.held)} {link.account.currency}" if row.is_held else "—",
            str(names[state.value]),
            expires if state is ReservationState.OPEN else "",
            row.order_id or row.client_order_id,
        )
    return table

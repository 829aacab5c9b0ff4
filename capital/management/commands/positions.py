"""``positions``: what strategies hold now, by their bots' reports and their fills."""

from argparse import ArgumentParser
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table

from capital.domain.money import EXACT
from capital.management.arguments import add_account_argument, chosen_account_ids, errors_translated
from capital.management.base import CapitalCommand
from capital.management.output import console_on, grouped, print_json
from capital.models import Position
from capital.services.trading import (
    counted_in,
    mark_symbol_not_strategys,
    open_positions,
    value_positions,
)


class Command(CapitalCommand):
    """Exit status 0: shown; 2: invalid arguments."""

    help = gettext_lazy(
        "Show the open positions of each strategy, or say that no strategy holds one of the "
        "exchange's."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_account_argument(parser)
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))
        said = parser.add_mutually_exclusive_group()
        said.add_argument(
            "--not-a-strategys",
            metavar="SYMBOL",
            help=_(
                "what the exchange holds of this symbol is not a strategy's, until it is closed: "
                "it holds no capital"
            ),
        )
        said.add_argument(
            "--may-be-a-strategys", metavar="SYMBOL", help=_("take that back: it counts as open")
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        excluded, included = options["not_a_strategys"], options["may_be_a_strategys"]
        with errors_translated():
            ids = chosen_account_ids(options["account"])
            if symbol := excluded or included:
                mark_symbol_not_strategys(ids, symbol, is_not_strategys=symbol == excluded)
            positions = open_positions(ids)
            value_positions(positions, now=timezone.now())
        if options["json"]:
            print_json(self.stdout, {"positions": [_as_json(each) for each in positions]})
        elif positions:
            console_on(self.stdout).print(_table(positions))
        else:
            console_on(self.stdout).print(_("No open positions are known."))


def _as_json(position: Position) -> dict[str, Any]:
    link = position.strategy_account
    return {
        "strategy": link.strategy.key,
        "account": link.account.name,
        "symbol": position.symbol,
        "position_side": position.position_side,
        "quantity": EXACT.normalize(position.quantity),
        "entry_price": _trimmed(position.entry_price),
        "mark_price": _trimmed(position.mark_price),
        "realized_pnl": position.realized_pnl,
        "unrealized_pnl": position.unrealized_pnl,
        "currency": counted_in(position),
        "source": position.source,
        "updated_at": position.updated_at,
    }


def _trimmed(amount: Any) -> Any:
    return None if amount is None else EXACT.normalize(amount)


def _money(position: Position, amount: Decimal | None) -> str:
    return grouped(amount) + ("" if amount is None else f" {counted_in(position)}")


def _table(positions: list[Position]) -> Table:
    table = Table(header_style="bold")
    for title in (_("Account"), _("Strategy"), _("Symbol")):
        table.add_column(title, overflow="fold")
    table.add_column(_("Position side"), no_wrap=True)
    for title in (_("Quantity"), _("Entry"), _("Mark"), _("Unrealised"), _("Realised")):
        table.add_column(title, justify="right", no_wrap=True)
    for position in positions:
        link = position.strategy_account
        table.add_row(
            link.account.name,
            link.strategy.key,
            position.symbol,
            str(position.get_position_side_display()),
            grouped(EXACT.normalize(position.quantity)),
            grouped(_trimmed(position.entry_price)),
            grouped(_trimmed(position.mark_price)),
            _money(position, position.unrealized_pnl),
            _money(position, position.realized_pnl),
        )
    return table

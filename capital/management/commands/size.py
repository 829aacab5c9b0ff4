"""``size``: show how much of a symbol a strategy may order now, and what limits it."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.table import Table
from rich.text import Text

from capital.domain.errors import InvalidAmount
from capital.domain.limits.reservations import USUAL_SECONDS
from capital.domain.money import parse_amount
from capital.domain.reasons import Code
from capital.domain.sizing.orders import OrderType, PositionSide, Side, StakeOf
from capital.management.arguments import (
    BAD_ARGUMENTS,
    add_account_argument,
    errors_translated,
    read_whole,
)
from capital.management.base import CapitalCommand
from capital.management.names import side_name
from capital.management.output import console_on, grouped, print_json
from capital.models import LONGEST_ORDER_ID, Reservation
from capital.services.accounts import find_link_ids
from capital.services.markets import PriceSource
from capital.services.sentences import sentence
from capital.services.sizing import (
    Hold,
    OrderRequest,
    ReservedOrder,
    SizedOrder,
    Wish,
    reserve_orders,
    size_orders,
)

_NUMBERS = ("qty_per", "qty", "risk_per", "stake", "leverage", "price", "stop_price")


class Command(CapitalCommand):
    """Exit status 0: every account was sized; 1: an order was refused; 2: invalid arguments."""

    help = gettext_lazy("Show how much a strategy may order with its capital. Places no order.")

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("strategy", metavar="STRATEGY_KEY", help=_("key of the strategy"))
        add_account_argument(parser, everyone=_("every account that the strategy is linked to"))
        parser.add_argument(
            "--symbol", required=True, help=_("in ccxt's notation, such as BTC/USDT:USDT")
        )
        parser.add_argument("--side", required=True, choices=[side.value for side in Side])
        parser.add_argument(
            "--order-type",
            default=OrderType.MARKET.value,
            choices=[order_type.value for order_type in OrderType],
            help=_("default: MARKET"),
        )
        parser.add_argument(
            "--position-side",
            choices=[side.value for side in PositionSide],
            help=_("on an account that holds a long and a short position in one symbol: which one"),
        )
        _add_amounts(parser)
        parser.add_argument(
            "--price",
            help=_("default: the exchange's price; on a MARKET order used where it is dearer"),
        )
        parser.add_argument(
            "--stop-price", help=_("trigger price of a STOP order; with --risk-per the stop-loss")
        )
        _add_reserving(parser)
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *args: Any, **options: Any) -> None:
        numbers: dict[str, Any] = {name: _number(name, options[name]) for name in _NUMBERS}
        order = OrderRequest(
            symbol=options["symbol"],
            side=options["side"],
            position_side=options["position_side"],
            order_type=options["order_type"],
            **({"stake_of": options["stake_of"]} if options["stake_of"] else {}),
            **numbers,
        )
        with errors_translated():
            order.check()
            hold = _hold(options)
            link_ids = find_link_ids(options["strategy"], options["account"])
            if hold is not None:
                answers = reserve_orders(link_ids, [Wish(order, hold)])
            else:
                answers = [ReservedOrder(answer) for answer in size_orders(link_ids, [order])]
        if options["json"]:
            print_json(self.stdout, {"orders": [_as_json(a, options) for a in answers]})
        else:
            console = console_on(self.stdout)
            for answer in answers:
                console.print(_table(answer.size, answer.reservation))
        if any(answer.size.error is not None for answer in answers):
            sys.exit(1)


def _add_amounts(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--qty-per",
        metavar="PERCENT",
        help=_("percentage of the capital to spend; negative: of the open position to close"),
    )
    parser.add_argument(
        "--qty",
        metavar="QUANTITY",
        help=_("absolute quantity, which is only validated and rounded"),
    )
    parser.add_argument(
        "--risk-per",
        metavar="PERCENT",
        help=_("percentage of the capital that is lost if --stop-price is reached"),
    )
    parser.add_argument(
        "--stake",
        metavar="AMOUNT",
        help=_("money in the quote currency, which is only validated and rounded down"),
    )
    parser.add_argument(
        "--stake-of",
        choices=[each.value for each in StakeOf],
        help=_("whether --stake is the capital that is tied up or the order's whole value"),
    )
    parser.add_argument("--leverage", help=_("default, and at most: the strategy's on the account"))


def _add_reserving(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--reserve", action="store_true", help=_("hold the capital that the order needs")
    )
    parser.add_argument(
        "--expires-in",
        metavar="SECONDS",
        type=read_whole,
        help=_("with --reserve: for how long, 1 to 3600 seconds (default: 60)"),
    )
    parser.add_argument("--client-order-id", help=_("with --reserve: your id of the order"))


def _hold(options: dict[str, Any]) -> Hold | None:
    """How the order's capital is to be held; None: it is only sized."""
    seconds, name = options["expires_in"], options["client_order_id"]
    if not options["reserve"]:
        for option, value in (("--expires-in", seconds), ("--client-order-id", name)):
            if value is not None:
                raise _refusal(option, _("Only for an order whose capital is reserved."))
        return None
    if name and (len(name) > LONGEST_ORDER_ID or not name.isprintable()):
        message = _("Must be a string of at most 100 printable characters.")
        raise _refusal("--client-order-id", message)
    return Hold(
        expires_in=USUAL_SECONDS if seconds is None else seconds, client_order_id=name or ""
    )


def _refusal(option: str, message: str) -> CommandError:
    return CommandError(f"{option}: {message}", returncode=BAD_ARGUMENTS)


def _as_json(answer: ReservedOrder, options: dict[str, Any]) -> dict[str, Any]:
    return answer.as_json(now=timezone.now()) if options["reserve"] else answer.size.as_json()


def _number(name: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return parse_amount(text)
    except InvalidAmount as error:
        option = f"--{name.replace('_', '-')}"
        raise _refusal(option, sentence(error.reason)) from None


def _table(answer: SizedOrder, reservation: Reservation | None) -> Table:
    """One answer, line by line, in the order of calculation."""
    table = Table(
        title=f"{answer.strategy} @ {answer.account}: {side_name(answer.side)} {answer.symbol}",
        title_justify="left",
        show_header=False,
    )
    table.add_column(no_wrap=True)
    table.add_column(justify="right", overflow="fold")
    table.add_column(overflow="fold", min_width=20, ratio=1)
    for label, figure, explanation in _lines(answer):
        table.add_row(label, figure, explanation)
    style = "bold red" if answer.error else "bold" if answer.quantity else "yellow"
    table.add_section()
    table.add_row(
        Text(_("Quantity"), style=style),
        Text(_shown(answer.quantity), style=style),
        Text(_verdict(answer), style=style),
    )
    if answer.contracts is not None:
        table.add_row(_("Contracts"), _shown(answer.contracts), _("The quantity in contracts."))
    if answer.contracts is not None or answer.amount != answer.quantity:
        table.add_row(
            _("Amount to send"), _shown(answer.amount), _("What ccxt's create_order takes here.")
        )
    if reservation is not None:
        until = timezone.localtime(reservation.expires_at).strftime("%H:%M:%S")
        held = _("Reservation %(id)s, until %(time)s.") % {"id": reservation.pk, "time": until}
        table.add_row(_("Reserved for it"), _shown(reservation.amount), held)
    for warning in answer.warnings:
        if warning != answer.reason:
            table.add_row("", "", Text(sentence(warning), style="yellow"))
    return table


def _lines(answer: SizedOrder) -> Iterator[tuple[str, str, str]]:
    yield (
        _("Capital"),
        _shown(answer.capital),
        _("Capital allocated to the strategy on this account."),
    )
    if answer.in_use is not None:
        yield _("In use"), _shown(answer.in_use), _("What its open positions tie up.")
    if answer.reserved:
        yield _("Reserved for orders"), _shown(answer.reserved), _("Held for other orders.")
    if answer.in_use is not None or answer.reserved:
        yield (
            _("Available"),
            _shown(answer.available),
            _("Capital less losses, what is in use, and what is reserved."),
        )
    if answer.error is not None:
        return
    if answer.price_source is not None:
        yield _("Price"), _shown(answer.price), _source(answer.price_source)
    if answer.budget is not None:
        yield _("Budget"), _shown(answer.budget), _("Most that the order may cost, fee included.")
    if not answer.reduce_only:
        yield _("Leverage"), _shown(answer.leverage), _("Leverage used. Always 1 on spot.")
    yield _("Raw quantity"), _shown(answer.raw_quantity), _("Before rounding and limits.")
    yield _("Step"), _shown(answer.step), _("The quantity is rounded down to a multiple of this.")
    if answer.notional is not None:
        yield _("Order value"), _shown(answer.notional), _("At the price above.")
        yield _("Margin"), _shown(answer.margin), _("Capital that the order ties up.")
        yield _("Fee"), _shown(answer.fee), _("At the account's fee rate.")


def _verdict(answer: SizedOrder) -> str:
    if answer.code is not Code.SIZED:
        return sentence(answer.reason)
    only = _("Send it as reduce-only.") if answer.reduce_only else ""
    return f"{bound_names()[answer.bound_by]} {only}".strip()


def bound_names() -> dict[str, str]:
    """What determined a size, in words, by each ``bound_by`` that an order to send may have."""
    return {
        "budget": _("Limited by the budget."),
        "risk": _("Limited by the risk at the stop price."),
        "quantity": _("As requested."),
        "stake": _("As requested."),
        "position": _("Part of the open position."),
        "max_amount": _("Limited by the exchange's maximum for one order."),
        "max_cost": _("Limited by the exchange's maximum for one order."),
        "leverage": _("Limited by the exchange's maximum leverage for a position of this size."),
        "available": _("Limited by the capital that is available."),
    }


def _source(source: PriceSource) -> str:
    return {
        PriceSource.GIVEN: _("The given price."),
        PriceSource.TICKER: _("The exchange's price, read just now."),
        PriceSource.CACHE: _("The exchange's price, read less than 2 seconds ago."),
    }[source]


def _shown(number: Decimal | None) -> str:
    return grouped(number)

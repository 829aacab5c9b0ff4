"""The list of trades: entry, exit, how long each was held, and what it earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import pgettext

from capital.admin.dashboard.earnings import Figure, signed
from capital.admin.dashboard.trading import short_price
from capital.admin.frame.cells import instant
from capital.admin.frame.formats import number, span
from capital.admin.frame.lists import BoundedPaginator
from capital.admin.performance.cells import part
from capital.models import Trade

_ON_A_PAGE = 25


@dataclass(frozen=True)
class TradeRow:
    """One trade, as text."""

    strategy: str
    account: str
    symbol: str
    side: str
    opened_at: str
    closed_at: str
    held_for: str
    quantity: str
    entry: str
    exit: str
    earned: Figure
    currency: str
    returned: str
    is_complete: bool


@dataclass(frozen=True)
class TradePage:
    """Some of the trades; ``page`` is Django's."""

    rows: Sequence[TradeRow]
    page: Any


def trade_rows(trades: "QuerySet[Trade]", number_of_page: str | None) -> TradePage:
    """One page of the trades, the newest first. Two queries."""
    rows = trades.select_related("strategy_account__strategy", "strategy_account__account")
    page = BoundedPaginator(rows, _ON_A_PAGE).get_page(number_of_page)
    return TradePage([_row(trade) for trade in page.object_list], page)


def _row(trade: Trade) -> TradeRow:
    link = trade.strategy_account
    long, short = pgettext("position side", "long"), pgettext("position side", "short")
    return TradeRow(
        strategy=link.strategy.name,
        account=link.account.name,
        symbol=trade.symbol,
        side=long if trade.is_long else short,
        opened_at=instant(trade.opened_at),
        closed_at=instant(trade.closed_at),
        held_for=span(trade.held_for),
        quantity=number(short_price(trade.entered)),
        entry=number(short_price(trade.entry_price)),
        exit=number(short_price(trade.exit_price)),
        earned=signed(trade.realized, trade.currency),
        currency=trade.currency,
        returned=part(trade.return_on_entries, is_signed=True),
        is_complete=trade.is_complete,
    )

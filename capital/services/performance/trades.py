"""Trades that ended in a period, as the books stored them."""

from collections import defaultdict
from typing import NamedTuple

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import EndedTrade
from capital.models import StrategyAccount, Trade


class TradeOf(NamedTuple):
    """A trade that ended, whose it is, and how many of those that were read ended before it."""

    link_id: int
    symbol: str
    currency: str
    place: int
    ended: EndedTrade


def ended_trades(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> "QuerySet[Trade]":
    """The trades of these links that ended within a period, the newest first."""
    rows = Trade.objects.filter(strategy_account__in=links, date__lte=period.until)
    if period.since is not None:
        rows = rows.filter(date__gte=period.since)
    if currency is not None:
        rows = rows.filter(currency=currency)
    return rows


def trades_of(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> dict[int, list[TradeOf]]:
    """The same by link, in the order in which they ended, in one query."""
    rows = ended_trades(links, period, currency=currency).order_by("closed_at", "pk")
    columns = "strategy_account_id", "symbol", "currency", "realized", "is_complete"
    found: dict[int, list[TradeOf]] = defaultdict(list)
    every = rows.values_list(*columns, "opened_at", "closed_at")
    for place, (link_id, symbol, own, realized, is_complete, opened, closed) in enumerate(every):
        ended = EndedTrade(realized, closed - opened, is_complete=is_complete)
        found[link_id].append(TradeOf(link_id, symbol, own, place, ended))
    return found

"""Trades that ended in a period, as the books stored them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import EndedTrade
from capital.models import StrategyAccount, Trade


@dataclass(frozen=True)
class TradeOf:
    """A trade that ended, and whose it is."""

    link_id: int
    symbol: str
    currency: str
    closed_at: datetime
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
    for *of, opened_at, closed_at in rows.values_list(*columns, "opened_at", "closed_at"):
        link_id, symbol, currency_of, realized, is_complete = of
        ended = EndedTrade(realized, closed_at - opened_at, is_complete=is_complete)
        found[link_id].append(TradeOf(link_id, symbol, currency_of, closed_at, ended))
    return found

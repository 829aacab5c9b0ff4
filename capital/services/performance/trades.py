"""Trades that ended in a period: the sums of whole months, and the others one by one."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import TradeSums
from capital.models import StrategyAccount, Trade
from capital.services.performance.groups import Links
from capital.services.trading.packed.cover import Cover, dated
from capital.services.trading.packed.symbols import TRADE_COLUMNS, as_ended

Key = TypeVar("Key", bound=Hashable)
# Of a link, a symbol and a currency.
KeyOf = Callable[[int, str, str], Key]


def ended_trades(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> "QuerySet[Trade]":
    """The trades of these links that ended within a period, the newest first."""
    rows = Trade.objects.filter(dated(period), strategy_account__in=links)
    if currency is not None:
        rows = rows.filter(currency=currency)
    return rows


def loose_trades(
    links: "QuerySet[StrategyAccount]",
    of: Links,
    period: Period,
    cover: Cover,
    key_of: KeyOf[Key],
    *,
    currency: str | None = None,
) -> Mapping[Key, TradeSums]:
    """What the trades come to of which no whole month tells, in one query.

    Args:
        links: Whose.
        of: The same.
        period: When they ended.
        cover: What whole months tell of.
        key_of: Whose a trade is.
        currency: Only those in it.
    """
    found: dict[Key, TradeSums] = defaultdict(TradeSums)
    rows = ended_trades(links, period, currency=currency).filter(cover.rest(of.rows))
    for row in rows.order_by().values_list(*TRADE_COLUMNS).iterator(chunk_size=2000):
        link_id, own, day, symbol, *_ = row
        if not cover.has((link_id, own), day):
            found[key_of(link_id, symbol, own)].count(as_ended(row))
    return found


def losing_series(
    links: "QuerySet[StrategyAccount]",
    period: Period,
    key_of: KeyOf[Key],
    *,
    currency: str | None = None,
) -> Mapping[Key, int]:
    """The longest series of losses of each, in one query: it takes every trade in its order."""
    series: dict[Key, _Series] = defaultdict(_Series)
    # By link, symbol and currency: a key of several is asked for once.
    of_trade: dict[tuple[int, str, str], _Series] = {}
    rows = ended_trades(links, period, currency=currency).order_by("closed_at", "pk")
    columns = "strategy_account_id", "symbol", "currency", "realized__as_stored"
    for *whose, realized in rows.values_list(*columns).iterator(chunk_size=2000):
        key = tuple(whose)
        found = of_trade.get(key)
        if found is None:
            found = of_trade[key] = series[key_of(*key)]
        if not _is_loss(realized):
            found.present = 0
            continue
        found.present += 1
        if found.present > found.longest:
            found.longest = found.present
    return {key: each.longest for key, each in series.items()}


@dataclass(slots=True)
class _Series:
    present: int = 0
    longest: int = 0


def _is_loss(realized: str) -> bool:
    """Whether an amount is below zero, as it is stored."""
    return realized[0] == "-" and realized != "-0"

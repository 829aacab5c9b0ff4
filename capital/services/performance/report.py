"""Performance of strategies, links, accounts, owners or symbols over a period."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from capital.domain.errors import InvalidGroup
from capital.domain.money import EXACT
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import (
    EndedTrade,
    TradeStatistics,
    trade_statistics,
)
from capital.models import StrategyAccount, SymbolDay
from capital.services.performance.groups import GROUPS, Group, Links
from capital.services.performance.ratios import Measures, measured, of_symbol
from capital.services.performance.returns import Chain, chains_of, gathered
from capital.services.performance.trades import TradeOf, trades_of


@dataclass(frozen=True)
class PerformanceRow:
    """Of one group, in one currency.

    Attributes:
        group: Whose.
        currency: What all its money is in.
        is_own: Whether that is the currency of its accounts. What is earned in another one stands
            apart: no capital stands against it.
        sums: What was realised, fees, funding, volume and fills.
        measures: PnL, returns, drawdowns and ratios.
        trades: Of those that are listed.
        trades_unlisted: How many ended before trades were stored; not in ``trades``.
        capital: What may be used now; None where nothing was decided, and by symbol.
    """

    group: Group
    currency: str
    is_own: bool
    sums: Sums
    measures: Measures
    trades: TradeStatistics
    trades_unlisted: int
    capital: Decimal | None


@dataclass(frozen=True)
class PerformanceReport:
    """What was asked for.

    Attributes:
        by: Of ``GROUPS``.
        period: Which days.
        rows: By group, then currency.
        without_source: The groups of which no day of the period is known.
    """

    by: str
    period: Period
    rows: Sequence[PerformanceRow]
    without_source: Sequence[Group]


# A group, a currency, and whether it is that of the accounts.
_Key = tuple[Group, str, bool]


def performance(
    links: "QuerySet[StrategyAccount]",
    *,
    by: str = "strategy",
    period: Period,
    currency: str | None = None,
) -> PerformanceReport:
    """How these links did over a period. A constant number of queries: five at most.

    Args:
        links: Those that the reader may see, and asks for.
        by: Of ``GROUPS``.
        period: Which days.
        currency: Only what was earned in it; None for each currency, in rows of their own.

    Raises:
        InvalidGroup: ``by`` is not of ``GROUPS``.
    """
    if by not in GROUPS:
        raise InvalidGroup(known=", ".join(GROUPS))
    of = Links.load(links)
    trades = trades_of(links.order_by(), period, currency=currency)
    if by == "symbol":
        rows = _by_symbol(links.order_by(), of, period, trades, currency)
    else:
        rows = _by_link(chains_of(links.order_by(), period, currency=currency), of, by, trades)
    told = {row.group for row in rows}
    return PerformanceReport(by, period, rows, sorted(of.names(by) - told))


def _by_link(
    chains: Sequence[Chain], of: Links, by: str, trades: Mapping[int, Sequence[TradeOf]]
) -> list[PerformanceRow]:
    found: dict[_Key, list[Chain]] = defaultdict(list)
    for chain in chains:
        link = of.rows[chain.link_id]
        found[link.groups[by], chain.currency, chain.currency == link.currency].append(chain)
    rows = []
    for (group, currency, is_own), members in sorted(found.items(), key=_order):
        ids = {chain.link_id for chain in members}
        whole = gathered(members)
        ended = [
            trade
            for link_id in sorted(ids)
            for trade in trades.get(link_id, ())
            if trade.currency == currency
        ]
        rows.append(
            _row(
                (group, currency, is_own),
                whole.sums,
                measured(
                    whole.days,
                    begins_unknown=any(chain.begins_unknown for chain in members),
                    is_own=is_own,
                ),
                ended,
                of.capital_of(ids) if is_own else None,
            )
        )
    return rows


def _by_symbol(
    links: "QuerySet[StrategyAccount]",
    of: Links,
    period: Period,
    trades: Mapping[int, Sequence[TradeOf]],
    currency: str | None,
) -> list[PerformanceRow]:
    days = SymbolDay.objects.filter(strategy_account__in=links, date__lte=period.until)
    if period.since is not None:
        days = days.filter(date__gte=period.since)
    if currency is not None:
        days = days.filter(currency=currency)
    found: dict[_Key, Sums] = defaultdict(Sums)
    for day in days.exclude(symbol="").order_by("pk").iterator(chunk_size=2000):
        is_own = day.currency == of.rows[day.strategy_account_id].currency
        # Its days tell what is left after fees and funding.
        gross = EXACT.subtract(EXACT.add(day.realized, day.fees), day.funding)
        day.realized = gross
        found[Group(day.symbol), day.currency, is_own].add(day)
    ended: dict[_Key, list[TradeOf]] = defaultdict(list)
    for link_id, of_link in trades.items():
        for trade in of_link:
            is_own = trade.currency == of.rows[link_id].currency
            ended[Group(trade.symbol), trade.currency, is_own].append(trade)
    return [
        _row(key, sums, of_symbol(), ended[key], None)
        for key, sums in sorted(found.items(), key=_order)
    ]


def _row(
    key: _Key,
    sums: Sums,
    measures: Measures,
    trades: Sequence[TradeOf],
    capital: Decimal | None,
) -> PerformanceRow:
    group, currency, is_own = key
    ended: list[EndedTrade] = [
        trade.ended for trade in sorted(trades, key=lambda trade: trade.place)
    ]
    return PerformanceRow(
        group=group,
        currency=currency,
        is_own=is_own,
        sums=sums,
        measures=measures,
        trades=trade_statistics(ended),
        trades_unlisted=sums.trades - len(ended),
        capital=capital,
    )


def _order(item: tuple[_Key, object]) -> tuple[Group, str, bool]:
    group, currency, is_own = item[0]
    return group, currency, not is_own

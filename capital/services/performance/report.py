"""Performance of strategies, links, accounts, owners or symbols over a period."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from django.db.models import QuerySet

from capital.domain.errors import InvalidGroup
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.trades import TradeStatistics, TradeSums
from capital.models import StrategyAccount
from capital.models.queries.isolation import repeatable_read
from capital.services.performance.groups import GROUPS, Group, Links
from capital.services.performance.ratios import Measures, measured, of_symbol
from capital.services.performance.returns import Gathered
from capital.services.performance.stored.chains import Chain, Chains, chains_without_days
from capital.services.performance.symbols import Parts, symbol_parts
from capital.services.performance.trades import loose_trades, losing_series


@dataclass(frozen=True)
class PerformanceRow:
    """Of one group, in one currency. What it takes long to tell is told when it is asked for.

    Attributes:
        group: Whose.
        currency: What all its money is in.
        is_own: Whether that is the currency of its accounts. What is earned in another one stands
            apart: no capital stands against it.
        capital: What may be used now; None where nothing was decided, and by symbol.
        gathered: The days of its links; None of a symbol.
        parts: Of a symbol, what its days and trades come to; else the trades of which no whole
            month tells.
        longest_losing_series: None where it was not asked for.
    """

    group: Group
    currency: str
    is_own: bool
    capital: Decimal | None = None
    gathered: Gathered | None = None
    parts: Parts = field(default_factory=Parts)
    longest_losing_series: int | None = None

    @property
    def sums(self) -> Sums:
        """What was realised, fees, funding, volume and fills."""
        return self.parts.days if self.gathered is None else self.gathered.sums

    @cached_property
    def measures(self) -> Measures:
        """PnL, returns, drawdowns and ratios."""
        if self.gathered is None:
            return of_symbol()
        return measured(
            self.gathered.series, begins_unknown=self.gathered.begins_unknown, is_own=self.is_own
        )

    @cached_property
    def trades(self) -> TradeStatistics:
        """Of the trades that are listed."""
        ended = TradeSums()
        ended.add(self.parts.ended)
        if self.gathered is not None:
            ended.add(self.gathered.ended)
        return TradeStatistics(ended, self.longest_losing_series)

    @property
    def trades_unlisted(self) -> int:
        """How many ended before trades were stored; not in ``trades``."""
        return self.sums.trades - self.trades.trades


@dataclass(frozen=True)
class PerformanceReport:
    """What was asked for.

    Attributes:
        by: Of ``GROUPS``.
        period: Which days.
        rows: By group, then currency; those that were asked for.
        total: How many there are in all.
        without_source: The groups of which no day of the period is known.
    """

    by: str
    period: Period
    rows: Sequence[PerformanceRow]
    total: int
    without_source: Sequence[Group]


# A group, a currency, and whether it is that of the accounts.
RowKey = tuple[Group, str, bool]

# From how many rows there are, the numbers of those that are told, in their order.
Choose = Callable[[int], range]


def performance(
    links: "QuerySet[StrategyAccount]",
    *,
    by: str = "strategy",
    period: Period,
    currency: str | None = None,
    with_series: bool = True,
    choose: Choose = range,
) -> PerformanceReport:
    """How these links did over a period. A constant number of queries: nine at most.

    All is read at one point in time, since days move to months and months to years.

    Args:
        links: Those that the reader may see, and asks for.
        by: Of ``GROUPS``.
        period: Which days.
        currency: Only what was earned in it; None for each currency, in rows of their own.
        with_series: Whether the longest losing series is told: every trade is read for it.
        choose: Which rows are told: what is packed of the days of others is not read.

    Raises:
        InvalidGroup: ``by`` is not of ``GROUPS``.
    """
    if by not in GROUPS:
        raise InvalidGroup(known=", ".join(GROUPS))
    with repeatable_read():
        return _report(
            links.order_by(), by, period, currency, with_series=with_series, choose=choose
        )


def _report(
    links: "QuerySet[StrategyAccount]",
    by: str,
    period: Period,
    currency: str | None,
    *,
    with_series: bool,
    choose: Choose,
) -> PerformanceReport:
    of = Links.load(links)

    def key_of(link_id: int, symbol: str, own: str) -> RowKey:
        link = of.rows[link_id]
        group = Group(symbol) if by == "symbol" else link.groups[by]
        return group, own, own == link.currency

    series: Mapping[RowKey, int] = {}
    if with_series:
        series = losing_series(links, period, key_of, currency=currency)
    none = 0 if with_series else None
    if by == "symbol":
        parts = symbol_parts(links, of, period, key_of, currency=currency)
        keys = sorted(parts, key=_order)
        rows = [
            PerformanceRow(*key, parts=parts[key], longest_losing_series=series.get(key, none))
            for key in _chosen(keys, choose)
        ]
    else:
        found = chains_without_days(links, period, currency=currency)
        loose = loose_trades(links, of, period, found.cover, key_of, currency=currency)
        groups = _by_group(found, of, by)
        keys = sorted(groups, key=_order)
        chosen = _chosen(keys, choose)
        found.read([chain for key in chosen for chain in groups[key]])
        capital = of.capital_of(by)
        rows = [
            PerformanceRow(
                *key,
                capital=capital.get(key[:2]) if key[2] else None,
                gathered=Gathered(groups[key]),
                parts=Parts(ended=loose[key]) if key in loose else Parts(),
                longest_losing_series=series.get(key, none),
            )
            for key in chosen
        ]
    told = {group for group, *_ in keys}
    return PerformanceReport(by, period, rows, len(keys), sorted(of.names(by) - told))


def _chosen(keys: Sequence[RowKey], choose: Choose) -> Sequence[RowKey]:
    return [keys[number] for number in choose(len(keys))]


def _by_group(found: Chains, of: Links, by: str) -> Mapping[RowKey, Sequence[Chain]]:
    chains: dict[RowKey, list[Chain]] = defaultdict(list)
    for chain in found.chains:
        link = of.rows[chain.link_id]
        chains[link.groups[by], chain.currency, chain.currency == link.currency].append(chain)
    return chains


def _order(key: RowKey) -> tuple[Group, str, bool]:
    group, currency, is_own = key
    return group, currency, not is_own

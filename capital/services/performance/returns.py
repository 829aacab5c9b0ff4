"""The days of links as performance takes them: read from ``LinkDay``, never booked again."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet

from capital.domain.money import EXACT, booked, known_sum
from capital.domain.performance.earned import Sums, after_costs
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import ESTIMATE, Day, together, wealth
from capital.models import LinkDay, StrategyAccount, SymbolDay

_ZERO, _ONE = Decimal(0), Decimal(1)
_DAY = timedelta(days=1)


class _Row(NamedTuple):
    """The columns of a day that figures are made of."""

    link_id: int
    date: date
    currency: str
    equity_start: Decimal | None
    settled_start: Decimal | None
    capital_added: Decimal | None
    realized: Decimal
    fees: Decimal
    funding: Decimal
    fees_unvalued: Mapping[str, str]
    unrealized: Decimal | None
    volume: Decimal
    fills: int
    trades: int


_COLUMNS = ("strategy_account_id", *_Row._fields[1:])


@dataclass
class Chain:
    """The days of one link in one currency within a period, in their order.

    Attributes:
        begins_unknown: Whether it begins within the period with something unrealised that nobody
            knows.
    """

    link_id: int
    currency: str
    days: list[Day] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    begins_unknown: bool = False


def chains_of(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> list[Chain]:
    """The days of these links, in one query; two where one begins with something unknown."""
    rows = LinkDay.objects.filter(strategy_account__in=links, date__lte=period.until)
    if period.since is not None:
        # The day before says what was unrealised when the period began.
        rows = rows.filter(date__gte=period.since - _DAY)
    if currency is not None:
        rows = rows.filter(currency=currency)
    found: dict[tuple[int, str], list[_Row]] = defaultdict(list)
    for each in rows.order_by("strategy_account", "date").values_list(*_COLUMNS):
        row = _Row(*each)
        found[row.link_id, row.currency].append(row)
    late = _held_before({key: of_key[0] for key, of_key in found.items() if _is_asked(of_key[0])})
    chains = [
        _chain(of_key, period, is_late=key in late) for key, of_key in found.items() if of_key
    ]
    return [chain for chain in chains if chain.days]


def _is_asked(first: _Row) -> bool:
    """Whether a first day does not say itself what was unrealised at its start."""
    return first.equity_start is None or first.settled_start is None


def _held_before(firsts: Mapping[tuple[int, str], _Row]) -> set[tuple[int, str]]:
    """Those of these links and currencies that held something before their first day."""
    if not firsts:
        return set()
    kept = LinkDay.objects.filter(
        strategy_account=OuterRef("strategy_account"),
        currency=OuterRef("currency"),
        date__lte=OuterRef("date"),
    )
    rows = SymbolDay.objects.filter(
        ~Exists(kept),
        strategy_account__in={link_id for link_id, _ in firsts},
        held__isnull=False,
    )
    return set(rows.order_by().values_list("strategy_account_id", "currency").distinct())


def _chain(rows: Sequence[_Row], period: Period, *, is_late: bool) -> Chain:
    first = rows[0]
    chain = Chain(first.link_id, first.currency)
    worth: Decimal | None = None if is_late else _ZERO
    if first.equity_start is not None and first.settled_start is not None:
        worth = EXACT.subtract(first.equity_start, first.settled_start)
    for row in rows:
        if period.since is None or row.date >= period.since:
            if not chain.days:
                chain.begins_unknown = worth is None and row is first
            earned = after_costs(row.realized, fees=row.fees, funding=row.funding)
            chain.days.append(
                Day(row.date, row.equity_start, row.capital_added, earned, worth, row.unrealized)
            )
            chain.sums.add(row)
        worth = row.unrealized
    return chain


def merged(chains: Iterable[Chain]) -> list[Day]:
    """The days of several links of one currency together, in their order."""
    by_date: dict[date, list[Day]] = defaultdict(list)
    for chain in chains:
        for day in chain.days:
            by_date[day.date].append(day)
    return [together(by_date[each]) for each in sorted(by_date)]


@dataclass(frozen=True)
class CurvePoint:
    """One day of a curve. None is not known, or of ``daily_return`` none.

    Attributes:
        equity_start: At the start of the day.
        capital: What the day's PnL was earned with.
        pnl: What was earned, with the change of what is unrealised.
        equity_end: At the end of the day.
        daily_return: ``pnl`` by ``capital``.
        chained: What the returns of the days until then come to together.
        drawdown: How far that is below its highest level, as a part.
    """

    date: date
    equity_start: Decimal | None
    capital: Decimal | None
    pnl: Decimal | None
    equity_end: Decimal | None
    daily_return: Decimal | None
    chained: Decimal
    drawdown: Decimal


def curve(days: Sequence[Day]) -> list[CurvePoint]:
    """A point for each day. One without a return leaves the chain where it is."""
    values = [day.daily_return for day in days]
    levels = wealth(each for each in values if each is not None)
    points, level, peak = [], _ONE, _ONE
    for day, daily in zip(days, values, strict=True):
        if daily is not None:
            level = next(levels)
            peak = max(peak, level)
        points.append(
            CurvePoint(
                date=day.date,
                equity_start=day.start,
                capital=day.capital,
                pnl=day.pnl,
                equity_end=known_sum(day.start, day.added, day.pnl),
                daily_return=None if daily is None else booked(daily),
                chained=booked(ESTIMATE.subtract(level, _ONE)),
                drawdown=booked(ESTIMATE.subtract(_ONE, ESTIMATE.divide(level, peak))),
            )
        )
    return points

"""The days of links as performance takes them: read from ``LinkDay``, never booked again."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from capital.domain.money import add_to, booked, known_sum
from capital.domain.performance.earned import Sums, after_costs
from capital.domain.performance.measures.packed import DAYS, PackedDay, unpack_month
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import ESTIMATE, Day, together, wealth
from capital.models import LinkDay, LinkMonth, StrategyAccount
from capital.services.trading.packed.months import (
    COLUMNS,
    DayKey,
    DayRow,
    held_before,
    packed,
)

_ZERO, _ONE = Decimal(0), Decimal(1)
_DAY = timedelta(days=1)


# A month, the decimals of its figures, and the number that has them.
_Packed = tuple[date, int, int]


@dataclass
class Chain:
    """The days of one link in one currency within a period.

    Attributes:
        period: Which days; a packed month may have others.
        days: Those that are not packed, in their order.
        sums: Of these; and of all, the fees whose worth nobody knows.
        months: Those that are packed.
        begins_unknown: Whether it begins within the period with something unrealised that nobody
            knows.
    """

    link_id: int
    currency: str
    period: Period
    days: list[Day] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    months: list[_Packed] = field(default_factory=list)
    begins_unknown: bool = False
    # The last day that is packed, and what was unrealised at its end.
    packed_until: date | None = None
    worth: Decimal | None = None

    def has(self, day: date) -> bool:
        """Whether the day is asked for."""
        since = self.period.since
        return day <= self.period.until and (since is None or day >= since)

    @property
    def is_empty(self) -> bool:
        """Whether it has no day of the period."""
        return not self.days and not self.months


def chains_of(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> list[Chain]:
    """The days of these links, in two queries; three where one begins with something unknown."""
    chains: dict[DayKey, Chain] = {}
    for month in _asked(LinkMonth, "month", links, period, currency).order_by("month"):
        chain = chains.setdefault(
            (month.strategy_account_id, month.currency),
            Chain(month.strategy_account_id, month.currency, period),
        )
        _add_month(chain, month)
    loose: dict[DayKey, list[DayRow]] = defaultdict(list)
    rows = _asked(LinkDay, "date", links, period, currency).filter(is_packed=False)
    for each in rows.order_by("strategy_account", "date").values_list(*COLUMNS):
        row = DayRow(*each)
        loose[row.key].append(row)
    asked = [key for key, of in loose.items() if key not in chains and of[0].worth_start is None]
    late = held_before(asked)
    for key, of_key in loose.items():
        _add_days(chains.setdefault(key, Chain(*key, period)), of_key, is_late=key in late)
    return [chains[key] for key in sorted(chains) if not chains[key].is_empty]


def _asked(
    model: type[Any],
    column: str,
    links: "QuerySet[StrategyAccount]",
    period: Period,
    currency: str | None,
) -> "QuerySet[Any]":
    """The rows of a period, and of the day before: it says what was unrealised at its start."""
    rows = model.objects.filter(strategy_account__in=links, **{f"{column}__lte": period.until})
    if period.since is not None:
        first = period.since - _DAY
        if model is LinkMonth:
            first = first.replace(day=1)
        rows = rows.filter(**{f"{column}__gte": first})
    if currency is not None:
        rows = rows.filter(currency=currency)
    return rows  # type: ignore[no-any-return]  # of either model


def _add_month(chain: Chain, month: LinkMonth) -> None:
    chain.packed_until, chain.worth = month.until, month.unrealized
    since = chain.period.since
    if month.since > chain.period.until or (since is not None and month.until < since):
        return
    chain.months.append((month.month, month.scale, month.days))
    if month.unknown_since is not None and chain.has(month.unknown_since):
        chain.begins_unknown = True
    for day, fees in month.fees_unvalued.items():
        if chain.has(date.fromisoformat(day)):
            for name, amount in fees.items():
                add_to(chain.sums.fees_unvalued, name, Decimal(amount))


def _add_days(chain: Chain, rows: Sequence[DayRow], *, is_late: bool) -> None:
    """Add the days that are not packed, which are behind those that are."""
    first = rows[0]
    worth: Decimal | None = chain.worth
    if chain.packed_until is None:
        worth = first.worth_start
        if worth is None and not is_late:
            worth = _ZERO
    for row in rows:
        if chain.has(row.date):
            if row is first and chain.packed_until is None:
                chain.begins_unknown = worth is None
            day = packed(row, worth)
            chain.days.append(_day(row.date, day))
            chain.sums.add(row)
        worth = row.unrealized


def _day(date_: date, day: PackedDay) -> Day:
    earned = after_costs(day.realized, fees=day.fees, funding=day.funding)
    return Day(date_, day.start, day.added, earned, day.worth_start, day.worth_end)


@dataclass(frozen=True)
class Gathered:
    """The days of several links of one currency together, in their order, and their sums."""

    days: Sequence[Day]
    sums: Sums


def gathered(chains: Iterable[Chain]) -> Gathered:
    """These chains of one currency and period: months are added before they are unpacked."""
    totals: dict[tuple[date, int], int] = defaultdict(int)
    by_date: dict[date, list[Day]] = defaultdict(list)
    sums, period = Sums(), None
    for chain in chains:
        period = chain.period
        for month, scale, number in chain.months:
            totals[month, scale] += number
        for day in chain.days:
            by_date[day.date].append(day)
        sums.add(chain.sums)
    for (month, scale), total in totals.items():
        assert period is not None, "there is a chain"
        first, last = _numbers(month, period)
        for number, of_day in unpack_month(total, scale, first=first, last=last):
            date_ = month.replace(day=number)
            by_date[date_].append(_day(date_, of_day))
            sums.add(of_day)
    return Gathered([together(by_date[each]) for each in sorted(by_date)], sums)


def _numbers(month: date, period: Period) -> tuple[int, int]:
    """The first and the last day of a month that are of the period."""
    first, last = 1, DAYS
    if period.since is not None and period.since > month:
        first = period.since.day if period.since.replace(day=1) == month else DAYS + 1
    if period.until.replace(day=1) == month:
        last = period.until.day
    return first, last


def merged(chains: Iterable[Chain]) -> Sequence[Day]:
    """The days of ``gathered``."""
    return gathered(chains).days


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

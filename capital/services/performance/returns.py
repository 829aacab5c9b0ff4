"""The days of links as performance takes them: read from ``LinkDay``, never booked again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import QuerySet

from capital.domain.money import add_to, booked, known_sum
from capital.domain.performance.earned import Sums, after_costs
from capital.domain.performance.measures.packed import (
    DAYS,
    PackedDay,
    unpack_days,
    unpack_sums,
    unpack_trades,
)
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import ESTIMATE, Day, together, wealth
from capital.domain.performance.measures.trades import TradeSums
from capital.models import LinkDay, LinkMonth, StrategyAccount
from capital.services.trading.packed.cover import Cover, is_whole
from capital.services.trading.packed.months import COLUMNS, DayRow, held_before, packed
from capital.services.trading.packed.symbols import DayKey

_ZERO, _ONE = Decimal(0), Decimal(1)
_DAY = timedelta(days=1)


class MonthRow(NamedTuple):
    """The columns of a packed month that figures are made of."""

    link_id: int
    currency: str
    month: date
    since: date
    until: date
    unrealized: Decimal | None
    unknown_since: date | None
    scale: int
    days: int
    fees_unvalued: "dict[str, dict[str, str]] | None"
    largest_win: Decimal | None
    largest_loss: Decimal | None


_COLUMNS_OF_MONTH = ("strategy_account_id", *MonthRow._fields[1:])


class _Packed(NamedTuple):
    """A packed month, or several of them: their number, and how many decimals its figures have.

    ``is_whole``: whether all its days are of the period, so that its trades are, too.
    """

    month: date
    scale: int
    is_whole: bool
    number: int


@dataclass(slots=True)
class Chain:
    """The days of one link in one currency within a period.

    Attributes:
        period: Which days; a packed month may have others.
        days: Those that are not packed, in their order.
        sums: Of these; and of all, the fees whose worth nobody knows.
        months: Those that are packed.
        largest: The largest win and loss of whole months.
        begins_unknown: Whether it begins within the period with something unrealised that nobody
            knows.
    """

    link_id: int
    currency: str
    period: Period
    days: list[Day] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    months: list[_Packed] = field(default_factory=list)
    largest: TradeSums = field(default_factory=TradeSums)
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


@dataclass(frozen=True)
class Chains:
    """The chains of some links.

    Attributes:
        chains: By link and currency.
        cover: Which days their whole months tell of.
    """

    chains: Sequence[Chain]
    cover: Cover


def chains_of(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> Chains:
    """The days of these links, in two queries; three where one begins with something unknown."""
    chains: dict[DayKey, Chain] = {}
    cover = Cover()
    months = asked_rows(LinkMonth, "month", links, period, currency).order_by("month")
    for each in months.values_list(*_COLUMNS_OF_MONTH):
        month = MonthRow(*each)
        key = month.link_id, month.currency
        chain = chains.get(key)
        if chain is None:
            chain = chains[key] = Chain(*key, period)
        _add_month(chain, month, cover)
    loose: dict[DayKey, list[DayRow]] = defaultdict(list)
    rows = asked_rows(LinkDay, "date", links, period, currency).filter(is_packed=False)
    for each in rows.order_by("strategy_account", "date").values_list(*COLUMNS):
        row = DayRow(*each)
        loose[row.key].append(row)
    asked = [key for key, of in loose.items() if key not in chains and of[0].worth_start is None]
    late = held_before(asked)
    for key, of_key in loose.items():
        _add_days(chains.setdefault(key, Chain(*key, period)), of_key, is_late=key in late)
    return Chains([chains[key] for key in sorted(chains) if not chains[key].is_empty], cover)


def asked_rows(
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


def _add_month(chain: Chain, month: MonthRow, cover: Cover) -> None:
    chain.packed_until, chain.worth = month.until, month.unrealized
    period = chain.period
    if month.since > period.until or (period.since is not None and month.until < period.since):
        return
    whole = is_whole(period, month.month, month.until)
    chain.months.append(_Packed(month.month, month.scale, whole, month.days))
    if whole:
        cover.add((chain.link_id, chain.currency), month.month, month.until)
        chain.largest.meet(month.largest_win, month.largest_loss)
    if month.unknown_since is not None and chain.has(month.unknown_since):
        chain.begins_unknown = True
    for day, fees in (month.fees_unvalued or {}).items():
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
    """What several links of one currency and period come to together.

    Months are added before they are unpacked, and unpacked when it is asked for.
    """

    chains: Sequence[Chain]

    @cached_property
    def days(self) -> Sequence[Day]:
        """Their days, in their order."""
        by_date: dict[date, list[Day]] = defaultdict(list)
        for chain in self.chains:
            for day in chain.days:
                by_date[day.date].append(day)
        for each in self._months:
            first, last = self._numbers(each.month)
            for day in unpack_days(each.number, each.scale, each.month, first=first, last=last):
                by_date[day.date].append(day)
        return [together(by_date[each]) for each in sorted(by_date)]

    @cached_property
    def sums(self) -> Sums:
        """What they come to."""
        sums = Sums()
        for chain in self.chains:
            sums.add(chain.sums)
        for each in self._months:
            first, last = self._numbers(each.month)
            sums.add(unpack_sums(each.number, each.scale, first=first, last=last))
        return sums

    @cached_property
    def ended(self) -> TradeSums:
        """The trades that whole months tell of."""
        ended = TradeSums()
        totals: dict[int, int] = defaultdict(int)
        for each in self._months:
            if each.is_whole:
                totals[each.scale] += each.number
        for scale, total in totals.items():
            ended.add(unpack_trades(total, scale))
        for chain in self.chains:
            ended.meet(chain.largest.largest_win, chain.largest.largest_loss)
        return ended

    @property
    def begins_unknown(self) -> bool:
        """Whether one of them begins with something unrealised that nobody knows."""
        return any(chain.begins_unknown for chain in self.chains)

    @cached_property
    def _months(self) -> Sequence[_Packed]:
        """The months of all of them, added."""
        totals: dict[tuple[date, int, bool], int] = defaultdict(int)
        for chain in self.chains:
            for *key, number in chain.months:
                totals[tuple(key)] += number  # type: ignore[index]  # without its last part
        return [_Packed(*key, total) for key, total in totals.items()]

    def _numbers(self, month: date) -> tuple[int, int]:
        """The first and the last day of a month that are of the period."""
        period = self.chains[0].period
        first, last = 1, DAYS
        if period.since is not None and period.since > month:
            first = period.since.day if period.since.replace(day=1) == month else DAYS + 1
        if period.until.replace(day=1) == month:
            last = period.until.day
        return first, last


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

"""The days of links as performance takes them: read from ``LinkDay``, never booked again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from capital.domain.money import add_to, booked, known_sum
from capital.domain.performance.earned import Sums, after_costs
from capital.domain.performance.measures.packed import (
    DAYS,
    PackedDay,
    days_of_month,
    unpack_sums,
    unpack_trades,
)
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import (
    ESTIMATE,
    LEVEL,
    Day,
    Returns,
    gain_of,
    level_of,
)
from capital.domain.performance.measures.series import Series, parts_of, together
from capital.domain.performance.measures.trades import TradeSums
from capital.domain.performance.measures.years import MONTHS, Years, whole_months
from capital.models import LinkDay, LinkMonth, LinkYear, StrategyAccount
from capital.models.queries.binary import bytes_of
from capital.services.trading.packed.cover import Cover, is_whole
from capital.services.trading.packed.months import COLUMNS, DayRow, held_before, packed
from capital.services.trading.packed.symbols import DayKey
from capital.services.trading.packed.years import from_text

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
# Of fewer whole months, months are read quicker than the year.
_FEWEST_MONTHS = 2


class MonthRow(NamedTuple):
    """The columns of a packed month, without its days, that figures are made of.

    Amounts are texts: most rows are asked for none of them.
    """

    pk: int
    link_id: int
    currency: str
    month: date
    since: date
    until: date
    unrealized: str | None
    unknown_since: date | None
    scale: int
    fees_unvalued: "dict[str, dict[str, str]] | None"
    largest_win: str | None
    largest_loss: str | None
    is_in_year: bool


class YearRow(NamedTuple):
    """The columns of a year's months, without their days, in the way of ``MonthRow``."""

    pk: int
    link_id: int
    currency: str
    year: int
    since: date
    until: date
    unrealized: str | None
    unknown_since: date | None
    scale: int
    unknown: "dict[str, list[list[int]]] | None"
    fees_unvalued: "dict[str, dict[str, str]] | None"
    largest_win: str | None
    largest_loss: str | None
    largest: str


_NAMES = {
    "link_id": "strategy_account_id",
    **{name: f"{name}__as_stored" for name in ("unrealized", "largest_win", "largest_loss")},
}
_COLUMNS_OF_MONTH, _COLUMNS_OF_YEAR = (
    [_NAMES.get(name, name) for name in row._fields] for row in (MonthRow, YearRow)
)


class _Packed(NamedTuple):
    """A packed month, or several of them, and how many decimals its figures have.

    Attributes:
        is_whole: Whether all its days are of the period, so that its trades are, too.
        has_days: Whether its days are told by it, and not by its year.
        number: Its primary key; of several of them, their number.
    """

    month: date
    scale: int
    is_whole: bool
    has_days: bool
    number: int


@dataclass(frozen=True)
class _Read:
    """What is packed of days, by primary key: the numbers of months, and the columns of years."""

    months: dict[int, int] = field(default_factory=dict)
    years: dict[int, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Chain:
    """The days of one link in one currency within a period.

    Attributes:
        period: Which days; a packed month may have others.
        days: Those that are not packed, in their order.
        sums: Of these; and of all, the fees whose worth nobody knows.
        months: Those that are packed.
        years: Those of which most months are asked for; they tell of their whole months.
        largest: The largest win and loss of whole months.
        begins_unknown: Whether it begins within the period with something unrealised that nobody
            knows.
        read: What is packed of its days, as far as it was read.
    """

    link_id: int
    currency: str
    period: Period
    read: _Read
    days: list[Day] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    months: list[_Packed] = field(default_factory=list)
    years: list[YearRow] = field(default_factory=list)
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
        return not self.days and not self.months and not self.years


@dataclass(frozen=True)
class Chains:
    """The chains of some links.

    Attributes:
        chains: By link and currency.
        cover: Which days their whole months tell of.
        packed: The rows that tell of the period: years, and months besides.
    """

    chains: Sequence[Chain]
    cover: Cover
    packed: "_PackedRows"

    def read(self, chains: Sequence[Chain]) -> None:
        """Read what is packed of the days of these, in two queries."""
        years, months = self.packed.years, self.packed.months
        if len(chains) < len(self.chains):
            ids = [chain.link_id for chain in chains]
            years = years.filter(strategy_account__among=ids)
            months = months.filter(strategy_account__among=ids)
        if any(chain.years for chain in chains):
            self.packed.read.years.update(bytes_of(years, "figures"))
        if any(chain.months for chain in chains):
            numbers: Any = months.order_by().values_list("pk", "days")
            self.packed.read.months.update(numbers)


def chains_of(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> Chains:
    """The days of these links, in five queries; up to two more where days are not packed."""
    found = chains_without_days(links, period, currency=currency)
    found.read(found.chains)
    return found


def chains_without_days(
    links: "QuerySet[StrategyAccount]", period: Period, *, currency: str | None = None
) -> Chains:
    """The same, but for what is packed of their days, which is read of those that are shown."""
    chains: dict[DayKey, Chain] = {}
    cover, rows = Cover(), _packed_rows(links, period, currency)
    for row in rows.load():
        key = row.link_id, row.currency
        chain = chains.get(key)
        if chain is None:
            chain = chains[key] = Chain(*key, period, rows.read)
        if isinstance(row, YearRow):
            _add_year(chain, row, cover)
        else:
            _add_month(chain, row, cover, rows.asked)
    loose: dict[DayKey, list[DayRow]] = defaultdict(list)
    for each in (
        _loose_rows(links, period, currency)
        .order_by("strategy_account", "date")
        .values_list(*COLUMNS)
    ):
        day = DayRow(*each)
        loose[day.key].append(day)
    for key in loose:
        if key not in chains:
            chains[key] = Chain(*key, period, rows.read)
    new = [key for key in loose if chains[key].packed_until is None]
    _begin_packed(chains, new, period)
    asked = [
        key
        for key, of in loose.items()
        if chains[key].packed_until is None and of[0].worth_start is None
    ]
    late = held_before(asked)
    for key, of_key in loose.items():
        _add_days(chains[key], of_key, is_late=key in late)
    told = [chains[key] for key in sorted(chains) if not chains[key].is_empty]
    return Chains(told, cover, rows)


@dataclass(frozen=True)
class _PackedRows:
    """Years and months of a period.

    Of a year that is read, its days are told by it; months of which not all days are asked for are
    read as well, since only a month tells the fees of a day.

    Attributes:
        asked: The years that are read as such.
        read: What was read of their days.
    """

    asked: range
    years: "QuerySet[LinkYear]"
    months: "QuerySet[LinkMonth]"
    read: _Read = field(default_factory=_Read)

    def load(self) -> "list[YearRow | MonthRow]":
        """All, the older ones first; in two queries."""
        found: list[YearRow | MonthRow] = []
        if self.asked:
            found += map(YearRow._make, self.years.order_by().values_list(*_COLUMNS_OF_YEAR))
        found += map(MonthRow._make, self.months.order_by().values_list(*_COLUMNS_OF_MONTH))
        return sorted(found, key=attrgetter("since"))


def _packed_rows(
    links: "QuerySet[StrategyAccount]", period: Period, currency: str | None
) -> _PackedRows:
    of_links: dict[str, Any] = {"strategy_account__in": links}
    if currency is not None:
        of_links["currency"] = currency
    asked = years_asked(period)
    years = LinkYear.objects.filter(**of_links)
    months = LinkMonth.objects.filter(month__lte=period.until, **of_links)
    if period.since is not None:
        months = months.filter(month__gte=period.since.replace(day=1))
    if asked:
        years = years.filter(year__range=(asked[0], asked[-1]))
        months = months.filter(
            Q(is_in_year=False)
            | Q(month__lt=date(asked[0], 1, 1))
            | Q(month__gte=date(asked[-1] + 1, 1, 1))
            | Q(month__in=cut_months(period))
        )
    return _PackedRows(asked, years, months)


def years_asked(period: Period) -> range:
    """The years that are read as such: those of which several months are asked for as a whole."""
    since, until = period.since, period.until
    first, last = 1 if since is None else since.year, until.year
    if len(whole_months(last, since, until)) < _FEWEST_MONTHS:
        last -= 1
    if len(whole_months(first, since, until)) < _FEWEST_MONTHS:
        first += 1
    return range(first, last + 1)


def cut_months(period: Period) -> list[date]:
    """The first days of those months of which only some days are asked for."""
    found = []
    if period.since is not None and period.since.day > 1:
        found.append(period.since.replace(day=1))
    if (period.until + _DAY).day > 1:
        found.append(period.until.replace(day=1))
    return found


def _loose_rows(
    links: "QuerySet[StrategyAccount]", period: Period, currency: str | None
) -> "QuerySet[LinkDay]":
    """Days that are not packed, also that before: it says what was unrealised at the start."""
    rows = LinkDay.objects.filter(
        strategy_account__in=links, is_packed=False, date__lte=period.until
    )
    if period.since is not None:
        rows = rows.filter(date__gte=period.since - _DAY)
    return rows if currency is None else rows.filter(currency=currency)


def _begin_packed(chains: dict[DayKey, Chain], keys: Sequence[DayKey], period: Period) -> None:
    """Begin the chains of which only the month before the period is packed, in one query."""
    if not keys or period.since is None or period.since.day > 1:
        return
    rows = LinkMonth.objects.filter(
        strategy_account__in={link_id for link_id, _ in keys},
        month=(period.since - _DAY).replace(day=1),
    )
    columns = "strategy_account_id", "currency", "until", "unrealized"
    for link_id, own, until, unrealized in rows.order_by().values_list(*columns):
        if (link_id, own) in keys:
            chain = chains[link_id, own]
            chain.packed_until, chain.worth = until, unrealized


def _add_year(chain: Chain, row: YearRow, cover: Cover) -> None:
    period = chain.period
    chain.packed_until, chain.worth = row.until, _amount(row.unrealized)
    if row.since > period.until or (period.since is not None and row.until < period.since):
        return
    chain.years.append(row)
    _add_common(chain, row)
    whole, first, last = _whole(row.year, period.since, period.until)
    if row.since <= last and row.until >= first:
        # A month tells of its trades before the first day that it has.
        begins = max(first, row.since.replace(day=1))
        cover.add((chain.link_id, chain.currency), begins, min(last, row.until))
    if first <= row.since and row.until <= last:
        chain.largest.meet(_amount(row.largest_win), _amount(row.largest_loss))
        return
    for number, (win, loss) in from_text(row.largest):
        if number - 1 in whole:
            chain.largest.meet(win, loss)


@lru_cache(maxsize=64)
def _whole(year: int, since: date | None, until: date) -> tuple[range, date, date]:
    """The whole months of a year that is read, with their first and last day."""
    whole = whole_months(year, since, until)
    behind = date(year + (whole.stop == MONTHS), whole.stop % MONTHS + 1, 1)
    return whole, date(year, whole.start + 1, 1), behind - _DAY


def _add_month(chain: Chain, month: MonthRow, cover: Cover, years: range) -> None:
    if chain.packed_until is None or month.until > chain.packed_until:
        chain.packed_until, chain.worth = month.until, _amount(month.unrealized)
    period = chain.period
    if month.since > period.until or (period.since is not None and month.until < period.since):
        return
    whole = is_whole(period, month.month, month.until)
    is_of_year = month.is_in_year and month.month.year in years
    chain.months.append(_Packed(month.month, month.scale, whole, not is_of_year, month.pk))
    if whole:
        cover.add((chain.link_id, chain.currency), month.month, month.until)
        chain.largest.meet(_amount(month.largest_win), _amount(month.largest_loss))
    if not is_of_year:
        _add_common(chain, month)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _add_common(chain: Chain, row: YearRow | MonthRow) -> None:
    if row.unknown_since is not None and chain.has(row.unknown_since):
        chain.begins_unknown = True
    for day, fees in (row.fees_unvalued or {}).items():
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
    def series(self) -> Series:
        """Their days."""
        parts = parts_of(day for chain in self.chains for day in chain.days)
        for each in self._months:
            if each.has_days:
                first, last = self._numbers(each.month)
                days = days_of_month(each.number, each.scale, each.month, first=first, last=last)
                parts += days
        return together([*self._years.parts(), *parts])

    @cached_property
    def sums(self) -> Sums:
        """What they come to."""
        sums = Sums()
        for chain in self.chains:
            sums.add(chain.sums)
        for each in self._months:
            first, last = self._numbers(each.month)
            sums.add(unpack_sums(each.number, each.scale, first=first, last=last))
        sums.add(self._of_years[0])
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
        ended.add(self._of_years[1])
        for chain in self.chains:
            ended.meet(chain.largest.largest_win, chain.largest.largest_loss)
        return ended

    @property
    def begins_unknown(self) -> bool:
        """Whether one of them begins with something unrealised that nobody knows."""
        return any(chain.begins_unknown for chain in self.chains)

    @cached_property
    def _years(self) -> Years:
        """The years of all of them, added."""
        period = self.chains[0].period
        years = Years(period.since, period.until)
        for chain in self.chains:
            for row in chain.years:
                figures = chain.read.years[row.pk]
                years.add(row.since, row.until, row.scale, figures, row.unknown)
        return years

    @cached_property
    def _of_years(self) -> tuple[Sums, TradeSums]:
        return self._years.sums()

    @cached_property
    def _months(self) -> Sequence[_Packed]:
        """The months of all of them, added."""
        totals: dict[tuple[date, int, bool, bool], int] = defaultdict(int)
        for chain in self.chains:
            for *key, pk in chain.months:
                totals[tuple(key)] += chain.read.months[pk]  # type: ignore[index]  # without the last
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
    known = ((day.date, each) for day, each in zip(days, values, strict=True) if each is not None)
    levels = iter(Returns.of(known).levels)
    points, level, peak = [], LEVEL, LEVEL
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
                chained=gain_of(level),
                drawdown=booked(ESTIMATE.divide(level_of(peak - level), level_of(peak))),
            )
        )
    return points

"""The days of each link in each currency, in their order, however they are stored."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import QuerySet

from capital.domain.money import add_to
from capital.domain.performance.earned import Sums, after_costs
from capital.domain.performance.measures.packed import PackedDay
from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.returns import Day
from capital.domain.performance.measures.trades import TradeSums
from capital.domain.performance.measures.years import MONTHS, whole_months
from capital.models import LinkMonth, StrategyAccount
from capital.models.queries.binary import bytes_of
from capital.services.performance.stored.rows import (
    MonthRow,
    PackedRows,
    StoredDays,
    YearRow,
    loose_rows,
    packed_rows,
)
from capital.services.trading.packed.cover import Cover, is_whole
from capital.services.trading.packed.months import COLUMNS, DayRow, held_before, packed
from capital.services.trading.packed.symbols import DayKey
from capital.services.trading.packed.years import from_text

_ZERO = Decimal(0)
_DAY = timedelta(days=1)


class PackedMonth(NamedTuple):
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
    read: StoredDays
    days: list[Day] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    months: list[PackedMonth] = field(default_factory=list)
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
    packed: PackedRows

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
    cover, rows = Cover(), packed_rows(links, period, currency)
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
        loose_rows(links, period, currency)
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
    chain.months.append(PackedMonth(month.month, month.scale, whole, not is_of_year, month.pk))
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

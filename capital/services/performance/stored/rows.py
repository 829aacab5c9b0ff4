"""The rows that tell of days: single ones, and packed months and years."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from capital.domain.performance.measures.periods import Period
from capital.domain.performance.measures.years import whole_months
from capital.models import LinkDay, LinkMonth, LinkYear, StrategyAccount

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


@dataclass(frozen=True)
class StoredDays:
    """What is packed of days, by primary key: the numbers of months, and the columns of years."""

    months: dict[int, int] = field(default_factory=dict)
    years: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class PackedRows:
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
    read: StoredDays = field(default_factory=StoredDays)

    def load(self) -> list[YearRow | MonthRow]:
        """All, the older ones first; in two queries."""
        found: list[YearRow | MonthRow] = []
        if self.asked:
            found += map(YearRow._make, self.years.order_by().values_list(*_COLUMNS_OF_YEAR))
        found += map(MonthRow._make, self.months.order_by().values_list(*_COLUMNS_OF_MONTH))
        return sorted(found, key=attrgetter("since"))


def packed_rows(
    links: "QuerySet[StrategyAccount]", period: Period, currency: str | None
) -> PackedRows:
    """Those of these links that tell of the period; nothing is read yet."""
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
    return PackedRows(asked, years, months)


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


def loose_rows(
    links: "QuerySet[StrategyAccount]", period: Period, currency: str | None
) -> "QuerySet[LinkDay]":
    """Days that are not packed, also that before: it says what was unrealised at the start."""
    rows = LinkDay.objects.filter(
        strategy_account__in=links, is_packed=False, date__lte=period.until
    )
    if period.since is not None:
        rows = rows.filter(date__gte=period.since - _DAY)
    return rows if currency is None else rows.filter(currency=currency)

"""The days of links, packed by month: for reports over many links, which read days by the thousand.

A day is packed when it is over, and again when it is restated, with the trades that ended on it and
the days of its symbols. Until then they are read by themselves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Exists, OuterRef

from capital.domain.money import EXACT
from capital.domain.performance.measures.packed import (
    PackedDay,
    pack_month,
    scale_of,
    unpack_month,
)
from capital.models import LinkDay, LinkMonth, SymbolDay
from capital.services.trading.packed.symbols import (
    DayKey,
    Symbols,
    as_stored,
    ended_of,
    load_symbols,
)
from capital.services.trading.packed.years import join_years, key_of
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
# What is older and was never packed is packed by the day's end, a few links at a time.
LONG_DAYS = 62


class DayRow(NamedTuple):
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

    @property
    def key(self) -> DayKey:
        """Whose it is."""
        return self.link_id, self.currency

    @property
    def worth_start(self) -> Decimal | None:
        """What it says itself of what was unrealised at its start."""
        if self.equity_start is None or self.settled_start is None:
            return None
        return EXACT.subtract(self.equity_start, self.settled_start)


COLUMNS = ("strategy_account_id", *DayRow._fields[1:])
_COLUMNS_OF_MONTH = (
    *("since", "until", "unrealized", "unknown_since", "scale", "days", "fees_unvalued"),
    *("largest_win", "largest_loss", "symbols", "is_in_year"),
)


@inside_transaction
def pack_days(link_ids: Collection[int], *, today: date, dropped: Sequence[LinkDay] = ()) -> None:
    """Pack the days of these links that are over and not packed, and those behind them.

    Call it inside the transaction that locked the accounts. A constant number of queries. Links of
    which months were never packed are left to ``pack_backlog``: they would keep the locks.

    Args:
        link_ids: Whose days may have changed.
        today: Its days are left as they are.
        dropped: Days that are no more.
    """
    firsts = _loose(link_ids, today)
    for row in dropped:
        key = row.strategy_account_id, row.currency
        firsts[key] = min(firsts.get(key, row.date), row.date)
    long = {link_id for (link_id, _), day in firsts.items() if (today - day).days > LONG_DAYS}
    if long:
        known = LinkMonth.objects.filter(strategy_account__in=long).order_by()
        packed_ones = set(known.values_list("strategy_account_id", "currency").distinct())
        firsts = {
            key: day
            for key, day in firsts.items()
            if (today - day).days <= LONG_DAYS or key in packed_ones
        }
    if firsts:
        _pack(firsts, today)


@inside_transaction
def pack_all(link_ids: Collection[int], *, today: date) -> None:
    """The same, however much there is. Call it inside the transaction that locked the accounts."""
    if firsts := _loose(link_ids, today):
        _pack(firsts, today)


def _loose(link_ids: Collection[int], today: date) -> dict[DayKey, date]:
    """The first day of each that is over and not packed."""
    loose = LinkDay.objects.filter(strategy_account__in=link_ids, is_packed=False, date__lt=today)
    firsts: dict[DayKey, date] = {}
    columns = loose.order_by().values_list("strategy_account_id", "currency", "date")
    for link_id, currency, day in columns:
        firsts[link_id, currency] = min(firsts.get((link_id, currency), day), day)
    return firsts


@inside_transaction
def unpack_since(link_ids: Collection[int], *, since: date) -> None:
    """Have the days of these links from ``since`` on packed again, whether they differ or not.

    Call it inside the transaction that locked the accounts: their trades or symbols changed.
    """
    LinkDay.objects.filter(strategy_account__in=link_ids, date__gte=since, is_packed=True).update(
        is_packed=False
    )


def held_before(keys: Collection[DayKey]) -> set[DayKey]:
    """Those of these links and currencies that held something before their first day."""
    if not keys:
        return set()
    kept = LinkDay.objects.filter(
        strategy_account=OuterRef("strategy_account"),
        currency=OuterRef("currency"),
        date__lte=OuterRef("date"),
    )
    rows = SymbolDay.objects.filter(
        ~Exists(kept), strategy_account__in={link_id for link_id, _ in keys}, held__isnull=False
    )
    return set(rows.order_by().values_list("strategy_account_id", "currency").distinct())


def _pack(firsts: Mapping[DayKey, date], today: date) -> None:
    since, ids = min(firsts.values()), {link_id for link_id, _ in firsts}
    months: dict[DayKey, dict[date, LinkMonth]] = defaultdict(dict)
    for row in LinkMonth.objects.filter(
        strategy_account__in=ids, month__gte=since.replace(day=1)
    ).order_by():
        months[row.strategy_account_id, row.currency][row.month] = row
    days: dict[DayKey, list[DayRow]] = defaultdict(list)
    rows = LinkDay.objects.filter(strategy_account__in=ids, date__gte=since - _DAY, date__lt=today)
    for each in rows.order_by("date").values_list(*COLUMNS):
        day = DayRow(*each)
        days[day.key].append(day)
    asked = {
        key
        for key in firsts
        if days[key] and days[key][0].date >= firsts[key] and days[key][0].worth_start is None
    }
    late = held_before(asked)
    symbols = load_symbols(ids, since=since.replace(day=1), until=today - _DAY)
    changed: list[LinkMonth] = []
    emptied: list[LinkMonth] = []
    for key, first in firsts.items():
        of_key = symbols.get(key, {})
        made = _months_of(key, first, days[key], months[key], of_key, is_late=key in late)
        changed += made
        kept = {row.month for row in made}
        emptied += [
            row
            for row in months[key].values()
            if row.month >= first.replace(day=1) and row.month not in kept
        ]
    LinkMonth.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["strategy_account", "month", "currency"],
        update_fields=_COLUMNS_OF_MONTH,
        batch_size=500,
    )
    if emptied:
        LinkMonth.objects.filter(pk__in=[row.pk for row in emptied]).delete()
    _mark_packed(firsts, today)
    over = [row for row in (*changed, *emptied) if row.month < today.replace(day=1)]
    join_years({key_of(row) for row in over}, today=today)


def _mark_packed(keys: Collection[DayKey], today: date) -> None:
    """Say so of these days alone: in another currency a link may have days that are left."""
    of_currency: dict[str, list[int]] = defaultdict(list)
    for link_id, currency in keys:
        of_currency[currency].append(link_id)
    for currency, ids in sorted(of_currency.items()):
        LinkDay.objects.filter(
            strategy_account__in=ids, currency=currency, is_packed=False, date__lt=today
        ).update(is_packed=True)


def _months_of(
    key: DayKey,
    first: date,
    rows: Iterable[DayRow],
    known: Mapping[date, LinkMonth],
    symbols: Mapping[date, Symbols],
    *,
    is_late: bool,
) -> list[LinkMonth]:
    """The months from the one of ``first`` on; its days before ``first`` as they are packed."""
    worth: Decimal | None = None
    before: DayRow | None = None
    by_month: dict[date, list[tuple[DayRow, Decimal | None]]] = defaultdict(list)
    unknown_since: date | None = None
    for row in rows:
        if before is not None:
            worth = before.unrealized
        else:
            worth = row.worth_start
            if worth is None and not is_late:
                worth = _ZERO
            if worth is None:
                unknown_since = row.date
        before = row
        if row.date >= first:
            by_month[row.date.replace(day=1)].append((row, worth))
    made = []
    for start in sorted({first.replace(day=1), *by_month}):
        month = LinkMonth(strategy_account_id=key[0], currency=key[1], month=start)
        days = _fill(month, first, by_month[start], known.get(start), unknown_since)
        if days:
            _pack_into(month, days, symbols.get(start, {}))
            made.append(month)
    return made


def _fill(
    made: LinkMonth,
    first: date,
    rows: Sequence[tuple[DayRow, Decimal | None]],
    known: LinkMonth | None,
    unknown_since: date | None,
) -> dict[int, PackedDay]:
    """Say in a month what is not added, and return its days; those before ``first`` are known."""
    days: dict[int, PackedDay] = {}
    unvalued: dict[str, Mapping[str, str]] = {}
    if known is not None and made.month < first:
        days.update(unpack_month(known.days, known.scale, last=first.day - 1))
        unvalued.update(
            (day, of_day)
            for day, of_day in (known.fees_unvalued or {}).items()
            if day < first.isoformat()
        )
        made.unknown_since = known.unknown_since
        made.unrealized = days[max(days)].worth_end if days else None
    for row, worth in rows:
        days[row.date.day] = packed(row, worth)
        made.unrealized = row.unrealized
        if row.fees_unvalued:
            unvalued[row.date.isoformat()] = row.fees_unvalued
        if row.date == unknown_since:
            made.unknown_since = row.date
    made.fees_unvalued = unvalued or None
    return days


def _pack_into(month: LinkMonth, days: Mapping[int, PackedDay], symbols: Symbols) -> None:
    ended = ended_of(symbols)
    month.since, month.until = (month.month.replace(day=day) for day in (min(days), max(days)))
    month.scale = scale_of(days, ended)
    month.days = pack_month(days, ended, month.scale)
    month.largest_win, month.largest_loss = ended.largest_win, ended.largest_loss
    month.symbols = as_stored(symbols)


def packed(row: DayRow, worth_start: Decimal | None) -> PackedDay:
    """A day as it is packed."""
    return PackedDay(
        start=row.equity_start,
        added=row.capital_added,
        realized=row.realized,
        fees=row.fees,
        funding=row.funding,
        volume=row.volume,
        worth_start=worth_start,
        worth_end=row.unrealized,
        fills=row.fills,
        trades=row.trades,
    )

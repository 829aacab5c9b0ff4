"""The days of links, packed by month: for reports over many links, which read days by the thousand.

A day is packed when it is over, and again when it is restated. Until then it is read by itself.
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
from capital.services.transactions import inside_transaction

_ZERO = Decimal(0)
_DAY = timedelta(days=1)
# Of years at once, no more than this many links: their days are all in memory.
_LINKS_AT_ONCE, _LONG_DAYS = 50, 62

# A link and a currency.
DayKey = tuple[int, str]


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


@inside_transaction
def pack_days(link_ids: Collection[int], *, today: date, dropped: Sequence[LinkDay] = ()) -> None:
    """Pack the days of these links that are over and not packed, and those behind them.

    Call it inside the transaction that locked the accounts. A constant number of queries; where
    more than two months are to be packed, for each fifty links.

    Args:
        link_ids: Whose days may have changed.
        today: Its days are left as they are.
        dropped: Days that are no more.
    """
    loose = LinkDay.objects.filter(strategy_account__in=link_ids, is_packed=False, date__lt=today)
    firsts: dict[DayKey, date] = {}
    found = list(loose.order_by().values_list("strategy_account_id", "currency", "date"))
    found += [(row.strategy_account_id, row.currency, row.date) for row in dropped]
    for link_id, currency, day in found:
        firsts[link_id, currency] = min(firsts.get((link_id, currency), day), day)
    if not firsts:
        return
    ids = sorted({link_id for link_id, _ in firsts})
    is_long = (today - min(firsts.values())).days > _LONG_DAYS
    at_once = _LINKS_AT_ONCE if is_long else len(ids)
    for start in range(0, len(ids), at_once):
        some = set(ids[start : start + at_once])
        _pack({key: day for key, day in firsts.items() if key[0] in some}, today)


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
    changed: list[LinkMonth] = []
    emptied: list[int] = []
    for key, first in firsts.items():
        made = _months_of(key, first, days[key], months[key], is_late=key in late)
        changed += made
        kept = {row.month for row in made}
        emptied += [
            row.pk
            for row in months[key].values()
            if row.month >= first.replace(day=1) and row.month not in kept
        ]
    LinkMonth.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["strategy_account", "month", "currency"],
        update_fields=[
            *("since", "until", "unrealized", "unknown_since", "scale", "days", "fees_unvalued")
        ],
        batch_size=500,
    )
    if emptied:
        LinkMonth.objects.filter(pk__in=emptied).delete()
    LinkDay.objects.filter(strategy_account__in=ids, is_packed=False, date__lt=today).update(
        is_packed=True
    )


def _months_of(
    key: DayKey,
    first: date,
    rows: Iterable[DayRow],
    known: Mapping[date, LinkMonth],
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
    return [
        month
        for start in sorted({first.replace(day=1), *by_month})
        if (month := _month(key, start, first, by_month[start], known.get(start), unknown_since))
    ]


def _month(
    key: DayKey,
    start: date,
    first: date,
    rows: Sequence[tuple[DayRow, Decimal | None]],
    known: LinkMonth | None,
    unknown_since: date | None,
) -> LinkMonth | None:
    days: dict[int, PackedDay] = {}
    unvalued: dict[str, Mapping[str, str]] = {}
    made = LinkMonth(strategy_account_id=key[0], currency=key[1], month=start)
    if known is not None and start < first:
        days.update(unpack_month(known.days, known.scale, last=first.day - 1))
        unvalued.update(
            (day, of_day) for day, of_day in known.fees_unvalued.items() if day < first.isoformat()
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
    if not days:
        return None
    made.since, made.until = (start.replace(day=day) for day in (min(days), max(days)))
    made.scale = scale_of(days)
    made.days, made.fees_unvalued = pack_month(days, made.scale), unvalued
    return made


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

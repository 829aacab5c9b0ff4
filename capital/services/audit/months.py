"""Whether the packed months of links have the figures of their days, trades and symbols."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import merge
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet

from capital.domain.audit.months import check_ended, check_month
from capital.domain.performance.measures.packed import PackedDay, unpack_month, unpack_trades
from capital.domain.reasons import Reason
from capital.models import LinkDay, LinkMonth, SymbolDay, Trade
from capital.services.audit.replay import ROWS_AT_ONCE, BooksPoint
from capital.services.audit.report import Audit
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.months import COLUMNS, DayRow, packed
from capital.services.trading.packed.symbols import (
    DAY_COLUMNS,
    TRADE_COLUMNS,
    Symbols,
    add_day,
    add_trade,
    as_stored,
    ended_of,
)

# A link, a currency, and the first day of a month.
_Key = tuple[int, str, date]


def check_months(audit: Audit, links: Mapping[int, int], begun: Mapping[int, BooksPoint]) -> None:
    """Check the months of these links, in four queries whose rows are streamed.

    Args:
        audit: Takes what is found.
        links: Their accounts.
        begun: By account, from where on; the others from their first month on.
    """
    begins = {
        account_id: business_date(point.until).replace(day=1) for account_id, point in begun.items()
    }
    merged: Iterator[tuple[_Key, Any]] = merge(
        _months(links, begins),
        _days(links, begins),
        _rows(SymbolDay.objects.exclude(symbol=""), DAY_COLUMNS, links, begins),
        _rows(Trade.objects.all(), TRADE_COLUMNS, links, begins),
        key=lambda each: each[0],
    )
    before: DayRow | None = None
    for (link_id, currency, month), rows in groupby(merged, key=lambda each: each[0]):
        of_month = _Month()
        for _, row in rows:
            before = of_month.add(row, before)
        named = {"link": str(link_id), "currency": currency, "month": f"{month:%Y-%m}"}
        audit.found(links[link_id], of_month.check(named))


@dataclass
class _Month:
    """What is packed of a month, and what is told besides."""

    row: LinkMonth | None = None
    recorded: dict[int, PackedDay] = field(default_factory=dict)
    days: dict[int, PackedDay] = field(default_factory=dict)
    symbols: Symbols = field(default_factory=dict)

    def add(self, row: Any, before: DayRow | None) -> DayRow | None:
        """Count in a row, of which the month's own is the first; the last day that was seen."""
        if isinstance(row, LinkMonth):
            self.row, self.recorded = row, dict(unpack_month(row.days, row.scale))
        elif isinstance(row, DayRow):
            # Of the first one that is read it is not known here what was before.
            known = self.recorded.get(row.date.day)
            worth = None if known is None else known.worth_start
            if before is not None and before.key == row.key:
                worth = before.unrealized
            self.days[row.date.day] = packed(row, worth)
            return row
        elif self.row is not None and row[2] <= self.row.until:
            add = add_day if len(row) == len(DAY_COLUMNS) else add_trade
            add(self.symbols, row)
        return before

    def check(self, named: Mapping[str, str]) -> Iterator[Reason]:
        yield from check_month(self.recorded, self.days, named)
        if self.row is not None:
            recorded = unpack_trades(self.row.days, self.row.scale)
            recorded.meet(self.row.largest_win, self.row.largest_loss)
            same = self.row.symbols == as_stored(self.symbols)
            yield from check_ended(recorded, ended_of(self.symbols), same_symbols=same, named=named)


def _wanted(links: Mapping[int, int], begins: Mapping[int, date], column: str) -> Q:
    whole = [link_id for link_id, account_id in links.items() if account_id not in begins]
    of_account: dict[int, list[int]] = defaultdict(list)
    for link_id, account_id in links.items():
        if account_id in begins:
            of_account[account_id].append(link_id)
    parts = [
        Q(**{"strategy_account__in": some, f"{column}__gte": begins[account_id]})
        for account_id, some in of_account.items()
    ]
    return Q(Q(strategy_account__in=whole), *parts, _connector=Q.OR)


def _months(
    links: Mapping[int, int], begins: Mapping[int, date]
) -> Iterator[tuple[_Key, LinkMonth]]:
    rows = LinkMonth.objects.filter(_wanted(links, begins, "month"))
    for row in rows.order_by("strategy_account", "currency", "month").iterator(
        chunk_size=ROWS_AT_ONCE
    ):
        yield (row.strategy_account_id, row.currency, row.month), row


def _days(links: Mapping[int, int], begins: Mapping[int, date]) -> Iterator[tuple[_Key, DayRow]]:
    rows = LinkDay.objects.filter(_wanted(links, begins, "date"), is_packed=True)
    ordered = rows.order_by("strategy_account", "currency", "date").values_list(*COLUMNS)
    for each in ordered.iterator(chunk_size=ROWS_AT_ONCE):
        row = DayRow(*each)
        yield (row.link_id, row.currency, row.date.replace(day=1)), row


def _rows(
    rows: "QuerySet[Any]",
    columns: Sequence[str],
    links: Mapping[int, int],
    begins: Mapping[int, date],
) -> Iterator[tuple[_Key, Any]]:
    wanted = rows.filter(_wanted(links, begins, "date"))
    ordered = wanted.order_by("strategy_account", "currency", "date").values_list(*columns)
    for row in ordered.iterator(chunk_size=ROWS_AT_ONCE):
        link_id, currency, day, *_ = row
        yield (link_id, currency, day.replace(day=1)), row

"""Whether the packed months of links have the figures of their days."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from heapq import merge
from itertools import groupby
from typing import Any

from django.db.models import Q

from capital.domain.audit.months import check_month
from capital.domain.performance.measures.packed import PackedDay, unpack_month
from capital.models import LinkDay, LinkMonth
from capital.services.audit.replay import ROWS_AT_ONCE, BooksPoint
from capital.services.audit.report import Audit
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.months import COLUMNS, DayRow, packed

# A link, a currency, and the first day of a month.
_Key = tuple[int, str, date]


def check_months(audit: Audit, links: Mapping[int, int], begun: Mapping[int, BooksPoint]) -> None:
    """Check the months of these links, in two queries whose rows are streamed.

    Args:
        audit: Takes what is found.
        links: Their accounts.
        begun: By account, from where on; the others from their first month on.
    """
    begins = {
        account_id: business_date(point.until).replace(day=1) for account_id, point in begun.items()
    }
    merged: Iterator[tuple[_Key, Any]] = merge(
        _months(links, begins), _days(links, begins), key=lambda each: each[0]
    )
    before: DayRow | None = None
    for (link_id, currency, month), rows in groupby(merged, key=lambda each: each[0]):
        recorded: dict[int, PackedDay] = {}
        days: dict[int, PackedDay] = {}
        for _, row in rows:
            if isinstance(row, LinkMonth):
                recorded = dict(unpack_month(row.days, row.scale))
                continue
            # Of the first one that is read it is not known here what was before.
            known = recorded.get(row.date.day)
            worth = None if known is None else known.worth_start
            if before is not None and before.key == row.key:
                worth = before.unrealized
            days[row.date.day], before = packed(row, worth), row
        named = {"link": str(link_id), "currency": currency, "month": f"{month:%Y-%m}"}
        audit.found(links[link_id], check_month(recorded, days, named))


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

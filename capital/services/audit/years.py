"""Whether the packed years of links say what their months say."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from heapq import merge
from itertools import groupby
from typing import Any

from django.db.models import Q

from capital.domain.reasons import Code, Reason
from capital.models import LinkMonth, LinkYear
from capital.services.audit.replay import ROWS_AT_ONCE, BooksPoint
from capital.services.audit.report import Audit
from capital.services.balances.summaries import business_date
from capital.services.trading.packed.years import COLUMNS, YearKey, key_of, year_of


def check_years(audit: Audit, links: Mapping[int, int], begun: Mapping[int, BooksPoint]) -> None:
    """Check the years of these links, in two queries whose rows are streamed.

    Args:
        audit: Takes what is found.
        links: Their accounts.
        begun: By account, from which year on; the others from their first one on.
    """
    begins = {account_id: business_date(point.until).year for account_id, point in begun.items()}
    wanted, of_month = Q(), Q(is_in_year=True)
    for account_id, year in begins.items():
        of_account = [link_id for link_id, of_link in links.items() if of_link == account_id]
        wanted &= ~Q(strategy_account__in=of_account, year__lt=year)
        of_month &= ~Q(strategy_account__in=of_account, month__lt=date(year, 1, 1))
    of_links = Q(strategy_account__in=list(links))
    years = LinkYear.objects.filter(of_links, wanted).order_by(
        "strategy_account", "currency", "year"
    )
    months = LinkMonth.objects.filter(of_links, of_month).order_by(
        "strategy_account", "currency", "month"
    )
    merged: Iterator[tuple[YearKey, Any]] = merge(
        ((_key_of(row), row) for row in years.iterator(chunk_size=ROWS_AT_ONCE)),
        ((key_of(row), row) for row in months.iterator(chunk_size=ROWS_AT_ONCE)),
        key=lambda each: each[0],
    )
    for key, rows in groupby(merged, key=lambda each: each[0]):
        link_id, currency, number = key
        named = {"link": str(link_id), "currency": currency, "year": str(number)}
        audit.found(links[link_id], _check(key, [row for _, row in rows], named))


def _check(key: YearKey, rows: Sequence[Any], named: Mapping[str, str]) -> Iterator[Reason]:
    recorded = next((row for row in rows if isinstance(row, LinkYear)), None)
    months = [row for row in rows if isinstance(row, LinkMonth)]
    if recorded is not None and months:
        made = year_of(key, months)
        if all(_told(recorded, name) == _told(made, name) for name in COLUMNS):
            return
    yield Reason(Code.YEAR_NOT_OF_MONTHS, named)


def _told(row: LinkYear, name: str) -> object:
    """As the database has it: it gives bytes another type, and knows no tuples."""
    value = getattr(row, name)
    if name == "figures":
        return bytes(value)
    if name == "unknown" and value is not None:
        return {of: [list(run) for run in runs] for of, runs in value.items()}
    return value


def _key_of(row: LinkYear) -> YearKey:
    return row.strategy_account_id, row.currency, row.year

"""What was earned by symbol: whole months as they are packed, and the days besides."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from capital.domain.performance.measures.periods import Period
from capital.models import LinkMonth, LinkYear, StrategyAccount, SymbolDay
from capital.services.performance.groups import Links
from capital.services.performance.trades import Key, KeyOf, loose_trades
from capital.services.trading.packed.cover import Cover, dated
from capital.services.trading.packed.symbols import (
    DAY_COLUMNS,
    SymbolFigures,
    add_day,
    from_stored,
)

Parts = SymbolFigures
_DAY = timedelta(days=1)


def symbol_parts(
    links: "QuerySet[StrategyAccount]",
    of: Links,
    period: Period,
    key_of: KeyOf[Key],
    *,
    currency: str | None = None,
) -> Mapping[Key, Parts]:
    """What these links earned by symbol, in four queries. What was earned in none is left out.

    Args:
        links: Whose.
        of: The same.
        period: Which days.
        key_of: In which row something stands.
        currency: Only what was earned in it.
    """
    found: dict[Key, Parts] = defaultdict(Parts)
    cover = Cover()
    for link_id, own, begins, until, stored in _whole(links, period, currency):
        cover.add((link_id, own), begins, until)
        for symbol, of_symbol in from_stored(stored):
            found[key_of(link_id, symbol, own)].add(of_symbol)
    days = SymbolDay.objects.filter(dated(period), cover.rest(of.rows), strategy_account__in=links)
    days = days.exclude(symbol="")
    if currency is not None:
        days = days.filter(currency=currency)
    for row in days.order_by().values_list(*DAY_COLUMNS).iterator(chunk_size=2000):
        link_id, own, day, symbol, *_ = row
        if not cover.has((link_id, own), day):
            key = key_of(link_id, symbol, own)
            add_day({symbol: found[key]}, row)
    loose = loose_trades(links, of, period, cover, key_of, currency=currency)
    for key, ended in loose.items():
        if key in found:
            found[key].ended.add(ended)
    return found


# A link, a currency, the first day of the first month, the last day, and what was earned by symbol.
_Whole = tuple[int, str, date, date, dict[str, Any]]


def _whole(
    links: "QuerySet[StrategyAccount]", period: Period, currency: str | None
) -> list[_Whole]:
    """Years that are of the period as far as they go, and months besides, the older ones first.

    Two queries.
    """
    of_links: dict[str, Any] = {"strategy_account__in": links, "until__lte": period.until}
    if currency is not None:
        of_links["currency"] = currency
    years, months = LinkYear.objects.filter(**of_links), LinkMonth.objects.filter(**of_links)
    last = period.until.year
    cut = LinkYear.objects.filter(
        strategy_account=OuterRef("strategy_account"),
        currency=OuterRef("currency"),
        year=last,
        until__gt=period.until,
    )
    besides = Q(is_in_year=False) | Q(Exists(cut), month__gte=date(last, 1, 1))
    if period.since is not None:
        # The first year all of which is asked for.
        first = (period.since - _DAY).year + 1
        years = years.filter(year__gte=first)
        besides |= Q(month__lt=date(first, 1, 1))
        months = months.filter(month__gte=period.since)
    columns = "strategy_account_id", "currency", "since", "until", "symbols"
    rows: list[_Whole] = list(years.order_by().values_list(*columns))
    rows += months.filter(besides).order_by().values_list(*columns)
    return [
        (link_id, own, since.replace(day=1), until, stored)
        for link_id, own, since, until, stored in sorted(rows, key=itemgetter(2))
    ]

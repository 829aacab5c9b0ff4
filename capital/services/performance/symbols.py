"""What was earned by symbol: whole months as they are packed, and the days besides."""

from collections import defaultdict
from collections.abc import Mapping

from django.db.models import QuerySet

from capital.domain.performance.measures.periods import Period
from capital.models import LinkMonth, StrategyAccount, SymbolDay
from capital.services.performance.groups import Links
from capital.services.performance.returns import asked_rows
from capital.services.performance.trades import Key, KeyOf, loose_trades
from capital.services.trading.packed.cover import Cover, dated, is_whole
from capital.services.trading.packed.symbols import (
    DAY_COLUMNS,
    SymbolFigures,
    add_day,
    from_stored,
)

Parts = SymbolFigures


def symbol_parts(
    links: "QuerySet[StrategyAccount]",
    of: Links,
    period: Period,
    key_of: KeyOf[Key],
    *,
    currency: str | None = None,
) -> Mapping[Key, Parts]:
    """What these links earned by symbol, in three queries. What was earned in none is left out.

    Args:
        links: Whose.
        of: The same.
        period: Which days.
        key_of: In which row something stands.
        currency: Only what was earned in it.
    """
    found: dict[Key, Parts] = defaultdict(Parts)
    cover = Cover()
    months = asked_rows(LinkMonth, "month", links, period, currency).order_by("month")
    columns = months.values_list("strategy_account_id", "currency", "month", "until", "symbols")
    for link_id, own, month, until, stored in columns.iterator(chunk_size=2000):
        if is_whole(period, month, until):
            cover.add((link_id, own), month, until)
            for symbol, of_symbol in from_stored(stored):
                part = found[key_of(link_id, symbol, own)]
                part.days.add(of_symbol.days)
                part.ended.add(of_symbol.ended)
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

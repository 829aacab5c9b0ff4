"""The months of links that are over, joined by year: for reports over many links and years.

A year is written with its months, and says what they say. Months that are in no year are read by
themselves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from capital.domain.money import plain
from capital.domain.performance.measures.trades import TradeSums
from capital.domain.performance.measures.years import pack_year
from capital.models import LinkMonth, LinkYear
from capital.services.trading.packed.symbols import SymbolFigures, Symbols, as_stored, from_stored
from capital.services.transactions import inside_transaction

# A link, a currency and a year.
YearKey = tuple[int, str, int]
# A win and a loss.
Largest = tuple[Decimal | None, Decimal | None]

COLUMNS = (
    *("since", "until", "unrealized", "unknown_since", "scale", "figures", "unknown"),
    *("fees_unvalued", "largest_win", "largest_loss", "largest", "symbols"),
)


def key_of(month: LinkMonth) -> YearKey:
    """The year that a month is of."""
    return month.strategy_account_id, month.currency, month.month.year


@inside_transaction
def join_years(keys: Collection[YearKey], *, today: date) -> None:
    """Write these years as their months are. Four queries, and one where a year is no more.

    Call it inside the transaction that locked the accounts and wrote the months.

    Args:
        keys: Which years.
        today: The month that it is in is not over, and joins no year.
    """
    if not keys:
        return
    months: dict[YearKey, list[LinkMonth]] = {key: [] for key in keys}
    rows = LinkMonth.objects.filter(
        strategy_account__in={link_id for link_id, *_ in keys},
        month__gte=date(min(year for *_, year in keys), 1, 1),
        month__lt=today.replace(day=1),
    )
    for row in rows.order_by("month"):
        if key_of(row) in months:
            months[key_of(row)].append(row)
    LinkYear.objects.bulk_create(
        [year_of(key, of_key) for key, of_key in months.items() if of_key],
        update_conflicts=True,
        unique_fields=["strategy_account", "year", "currency"],
        update_fields=COLUMNS,
        batch_size=500,
    )
    for key, of_key in months.items():
        if not of_key:
            link_id, currency, year = key
            LinkYear.objects.filter(strategy_account=link_id, currency=currency, year=year).delete()
    loose = [row.pk for of_key in months.values() for row in of_key if not row.is_in_year]
    LinkMonth.objects.filter(pk__in=loose).update(is_in_year=True)


@inside_transaction
def join_loose(link_ids: Collection[int], *, today: date) -> None:
    """Join all months of these links that are over and in no year.

    Call it inside the transaction that locked the accounts.
    """
    loose = LinkMonth.objects.filter(
        strategy_account__in=link_ids, is_in_year=False, month__lt=today.replace(day=1)
    )
    columns = loose.order_by().values_list("strategy_account_id", "currency", "month")
    join_years({(link_id, own, month.year) for link_id, own, month in columns}, today=today)


def year_of(key: YearKey, months: Sequence[LinkMonth]) -> LinkYear:
    """The year as these months make it, which are in their order."""
    link_id, currency, year = key
    packed = pack_year([(each.month, each.scale, each.days) for each in months])
    unvalued: dict[str, Any] = {}
    for each in months:
        unvalued |= each.fees_unvalued or {}
    ended = TradeSums()
    for each in months:
        ended.meet(*_largest(each))
    return LinkYear(
        strategy_account_id=link_id,
        currency=currency,
        year=year,
        since=months[0].since,
        until=months[-1].until,
        unrealized=months[-1].unrealized,
        unknown_since=next((each.unknown_since for each in months if each.unknown_since), None),
        scale=packed.scale,
        figures=packed.figures,
        unknown=packed.unknown or None,
        fees_unvalued=unvalued or None,
        largest_win=ended.largest_win,
        largest_loss=ended.largest_loss,
        largest=as_text({each.month.month: _largest(each) for each in months}),
        symbols=as_stored(_symbols(months)),
    )


def _largest(month: LinkMonth) -> Largest:
    return month.largest_win, month.largest_loss


def as_text(largest: Mapping[int, Largest]) -> str:
    """The largest win and loss of each month, as the column has them."""
    return ",".join(
        " ".join((str(number), *("" if each is None else plain(each) for each in both)))
        for number, both in largest.items()
        if both != (None, None)
    )


def from_text(text: str) -> Iterator[tuple[int, Largest]]:
    """The inverse of ``as_text``."""
    for month in filter(None, text.split(",")):
        number, *both = month.split(" ")
        win, loss = (Decimal(each) if each else None for each in both)
        yield int(number), (win, loss)


def _symbols(months: Sequence[LinkMonth]) -> Symbols:
    found: Symbols = defaultdict(SymbolFigures)
    for each in months:
        for symbol, figures in from_stored(each.symbols):
            found[symbol].add(figures)
    return found

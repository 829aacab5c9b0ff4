"""What is packed of a month against its days and trades: is each told alike by both?"""

from collections.abc import Iterator, Mapping

from capital.domain.performance.measures.packed import PackedDay
from capital.domain.performance.measures.trades import TradeSums
from capital.domain.reasons import Code, Reason


def check_month(
    recorded: Mapping[int, PackedDay], days: Mapping[int, PackedDay], named: Mapping[str, str]
) -> Iterator[Reason]:
    """Whether a month has the figures of its days; the first day that differs is told.

    Args:
        recorded: What is packed, by the day of the month.
        days: What the days say.
        named: Whose month: ``link``, ``currency``, ``month`` such as 2026-11.
    """
    for day in sorted(recorded.keys() | days.keys()):
        if recorded.get(day) != days.get(day):
            yield Reason(Code.MONTH_NOT_OF_DAYS, {**named, "date": f"{named['month']}-{day:02}"})
            return


def check_ended(
    recorded: TradeSums, ended: TradeSums, *, same_symbols: bool, named: Mapping[str, str]
) -> Iterator[Reason]:
    """Whether a month has the sums of its trades, all together and by symbol.

    Args:
        recorded: What is packed of all of them.
        ended: What they come to.
        same_symbols: Whether what is packed by symbol is what its days and trades come to.
        named: Whose month: ``link``, ``currency``, ``month`` such as 2026-11.
    """
    if recorded != ended or not same_symbols:
        yield Reason(Code.MONTH_NOT_OF_SYMBOLS, named)

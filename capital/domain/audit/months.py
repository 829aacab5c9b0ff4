"""The packed days of a month against the days: is each told alike by both?"""

from collections.abc import Iterator, Mapping

from capital.domain.performance.measures.packed import PackedDay
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

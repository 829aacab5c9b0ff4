"""Days and returns, as the tests of measures write them."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from capital.domain.performance.measures.returns import Day, Measured, Returns, level_of

D = Decimal
FIRST = date(2026, 3, 1)


def dated(returns: Iterable[str | Decimal]) -> list[tuple[date, Decimal]]:
    """Daily returns of one day after the other."""
    return [(FIRST + timedelta(days=number), D(each)) for number, each in enumerate(returns)]


def returned(values: Iterable[str | Decimal]) -> Returns:
    """The same, as they are measured."""
    return Returns.of(dated(values))


def chained(values: Iterable[str | Decimal]) -> Measured:
    return returned(values).total


def wealth(values: Iterable[str | Decimal]) -> list[Decimal]:
    """What one comes to after each."""
    return list(map(level_of, returned(values).levels))


def percents(*numbers: int) -> list[Decimal]:
    return [D(number) / 100 for number in numbers]


def day(
    number: int,
    start: str | Decimal | None,
    added: str | Decimal | None,
    realized: str | Decimal,
    worth: Sequence[str | Decimal | None] = ("0", "0"),
) -> Day:
    """So many days after the first of March."""
    begins, ends = (None if each is None else D(each) for each in worth)
    return Day(
        FIRST + timedelta(days=number),
        None if start is None else D(start),
        None if added is None else D(added),
        D(realized),
        begins,
        ends,
    )


returns = st.lists(st.decimals("-0.5", "0.5", places=4), min_size=2, max_size=60)

"""Daily returns, what they come to when they are chained, and the return on average capital."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from capital.domain.money import EXACT, booked, known_sum, quotient
from capital.domain.reasons import Code, Reason

# For what is chained, averaged and rooted: more digits than a day's return has.
ESTIMATE = Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])

Measured = Decimal | Reason

_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a link, or of several together, in one currency.

    Attributes:
        date: A day of the project.
        start: Equity at its start; None where that is not known.
        added: What decisions gave, less what they took; None where that is not known.
        realized: What was realised, after fees and funding.
        worth_start: What was unrealised at its start; None where that is not known.
        worth_end: What was unrealised at its end; None where that is not known.
    """

    date: date
    start: Decimal | None
    added: Decimal | None
    realized: Decimal
    worth_start: Decimal | None
    worth_end: Decimal | None

    @property
    def pnl(self) -> Decimal | None:
        """What was realised, and how what is unrealised changed."""
        if self.worth_start is None or self.worth_end is None:
            return None
        return EXACT.add(self.realized, EXACT.subtract(self.worth_end, self.worth_start))

    @property
    def capital(self) -> Decimal | None:
        """What the day's PnL was earned with: equity at its start, and what was added.

        What was taken is not subtracted: it was there for a part of the day.
        """
        if self.start is None or self.added is None:
            return None
        return EXACT.add(self.start, max(self.added, _ZERO))

    @property
    def is_known(self) -> bool:
        """Whether its PnL and its capital are known."""
        return self.pnl is not None and self.capital is not None

    @property
    def daily_return(self) -> Decimal | None:
        """Its PnL by its capital; None where one is unknown, or there was no capital."""
        pnl, capital = self.pnl, self.capital
        if pnl is None or capital is None or capital <= 0:
            return None
        return quotient(pnl, capital)


def together(days: Sequence[Day]) -> Day:
    """The day of several links of one currency. What is not known of one is not known of all.

    What moves from one of them to another is not added to them together.
    """
    first = days[0]
    if len(days) == 1:
        return first
    return Day(
        date=first.date,
        start=known_sum(*(day.start for day in days)),
        added=known_sum(*(day.added for day in days)),
        realized=known_sum(*(day.realized for day in days)) or _ZERO,
        worth_start=known_sum(*(day.worth_start for day in days)),
        worth_end=known_sum(*(day.worth_end for day in days)),
    )


def returns_of(days: Iterable[Day]) -> list[tuple[date, Decimal]]:
    """The days that have a return, with it."""
    found = ((day.date, day.daily_return) for day in days)
    return [(date_, each) for date_, each in found if each is not None]


def wealth(returns: Iterable[Decimal]) -> Iterator[Decimal]:
    """What one unit comes to after each of these returns. From ruin on it is what ruin left."""
    level = _ONE
    for each in returns:
        if level > 0:
            level = ESTIMATE.multiply(level, ESTIMATE.add(_ONE, each))
        yield level


def chained(returns: Sequence[Decimal]) -> Measured:
    """What daily returns come to together, to 18 decimals: +5 %, -5 % and +10 % are +9.725 %."""
    if not returns:
        return Reason(Code.NO_DAYS)
    if is_ruin(returns):
        return Reason(Code.RUIN)
    *_, level = wealth(returns)
    return booked(ESTIMATE.subtract(level, _ONE))


def is_ruin(returns: Iterable[Decimal]) -> bool:
    """Whether a day lost all that there was, or more: after that, nothing can be chained."""
    return any(each <= -_ONE for each in returns)


def total_pnl(days: Sequence[Day]) -> Measured:
    """What was earned over these days, in their order.

    What is unrealised counts from the start of the first to the end of the last: a mark that is
    missing in between changes nothing. A link whose days begin later begins with nothing open.
    """
    if not days:
        return Reason(Code.NO_DAYS)
    start, end = days[0].worth_start, days[-1].worth_end
    if start is None or end is None:
        return Reason(Code.PNL_UNKNOWN)
    realized = known_sum(*(day.realized for day in days)) or _ZERO
    return EXACT.add(realized, EXACT.subtract(end, start))


def average_capital(days: Iterable[Day]) -> Measured:
    """The mean of the capital of those days that had capital, to 18 decimals."""
    found = [capital for day in days if (capital := day.capital) is not None and capital > 0]
    if not found:
        return Reason(Code.NO_DAYS)
    return booked(quotient(known_sum(*found) or _ZERO, Decimal(len(found))))


def roi(pnl: Measured, capital: Measured) -> Measured:
    """Total PnL by the average capital of the days with capital, to 18 decimals."""
    if isinstance(pnl, Reason):
        return pnl
    if isinstance(capital, Reason):
        return capital
    return booked(quotient(pnl, capital))

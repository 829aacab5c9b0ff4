"""Daily returns, what they come to when they are chained, and the return on average capital."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from capital.domain.money import EXACT, booked, quotient
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


def wealth(returns: Iterable[Decimal]) -> Iterator[Decimal]:
    """What one unit comes to after each of these returns. From ruin on it is what ruin left."""
    level, multiply, plus = _ONE, ESTIMATE.multiply, ESTIMATE.add
    for each in returns:
        if level > 0:
            level = multiply(level, plus(_ONE, each))
        yield level


def chained(returns: Sequence[Decimal], levels: Sequence[Decimal] = ()) -> Measured:
    """What daily returns come to together, to 18 decimals: +5 %, -5 % and +10 % are +9.725 %.

    Args:
        returns: In their order.
        levels: Of ``wealth``, where it was asked before.
    """
    if not returns:
        return Reason(Code.NO_DAYS)
    if is_ruin(returns):
        return Reason(Code.RUIN)
    level = levels[-1] if levels else deque(wealth(returns), maxlen=1).pop()
    return booked(ESTIMATE.subtract(level, _ONE))


def is_ruin(returns: Sequence[Decimal]) -> bool:
    """Whether a day lost all that there was, or more: after that, nothing can be chained."""
    return min(returns, default=_ZERO) <= -_ONE


def roi(pnl: Measured, capital: Measured) -> Measured:
    """Total PnL by the average capital of the days with capital, to 18 decimals."""
    if isinstance(pnl, Reason):
        return pnl
    if isinstance(capital, Reason):
        return capital
    return booked(quotient(pnl, capital))

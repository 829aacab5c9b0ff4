"""Daily returns, what they come to when they are chained, and the return on average capital."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from functools import cached_property

from capital.domain.money import EXACT, QUOTIENT_DECIMALS, booked, quotient
from capital.domain.reasons import Code, Reason

# For what is chained, averaged and rooted: more digits than a day's return has.
ESTIMATE = Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])

Measured = Decimal | Reason

_ZERO = Decimal(0)
# One in the whole numbers of returns, and of levels.
RETURN: int = 10**QUOTIENT_DECIMALS
_LEVEL_DECIMALS = 48
LEVEL: int = 10**_LEVEL_DECIMALS


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


@dataclass(frozen=True)
class Returns:
    """Daily returns in whole numbers of their last decimal, of which thousands are chained.

    Attributes:
        dates: The days that have one, in their order.
        values: The return of each, × 10^36.
    """

    dates: Sequence[date] = ()
    values: Sequence[int] = ()

    @classmethod
    def of(cls, returns: Iterable[tuple[date, Decimal]]) -> "Returns":
        """Of returns one by one."""
        pairs = list(returns)
        values = [int(EXACT.scaleb(each, QUOTIENT_DECIMALS)) for _, each in pairs]
        return cls([day for day, _ in pairs], values)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def is_ruin(self) -> bool:
        """Whether a day lost all that there was, or more: after that, nothing can be chained."""
        return min(self.values, default=0) <= -RETURN

    @cached_property
    def levels(self) -> Sequence[int]:
        """What one unit comes to after each of them, × 10^48. From ruin on what ruin left."""
        level = LEVEL
        if not self.is_ruin:
            return [level := level * (RETURN + each) // RETURN for each in self.values]
        found = []
        for each in self.values:
            if level > 0:
                level = level * (RETURN + each) // RETURN
            found.append(level)
        return found

    @property
    def total(self) -> Measured:
        """What they come to together, to 18 decimals: +5 %, -5 % and +10 % are +9.725 %."""
        if not self.values:
            return Reason(Code.NO_DAYS)
        return Reason(Code.RUIN) if self.is_ruin else gain_of(self.levels[-1])


def level_of(number: int) -> Decimal:
    """One of ``Returns.levels`` as what it is."""
    return EXACT.scaleb(Decimal(number), -_LEVEL_DECIMALS)


def gain_of(number: int) -> Decimal:
    """How much one of ``Returns.levels`` is above one unit, to 18 decimals."""
    return booked(level_of(number - LEVEL))


def roi(pnl: Measured, capital: Measured) -> Measured:
    """Total PnL by the average capital of the days with capital, to 18 decimals."""
    if isinstance(pnl, Reason):
        return pnl
    if isinstance(capital, Reason):
        return capital
    return booked(quotient(pnl, capital))

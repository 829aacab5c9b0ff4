"""Sharpe, Sortino, Calmar, annual return and volatility, from daily returns: estimates.

A year has 365 days, since these markets never close; nothing is earned without risk. The deviation
is that of a sample; Sortino's divides by all days, and counts only what lies below zero. All is
calculated in ``Decimal`` and told to 15 decimals, none of which is exact money.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property, reduce

from capital.domain.money import EXACT
from capital.domain.performance.measures.returns import ESTIMATE, Measured, is_ruin, wealth
from capital.domain.reasons import Code, Reason

DAYS_A_YEAR = 365
LEAST_DAYS = 30

_ZERO, _ONE = Decimal(0), Decimal(1)
_YEAR = Decimal(DAYS_A_YEAR)
_ROOT_OF_YEAR = ESTIMATE.sqrt(_YEAR)
_ESTIMATED = Decimal("1e-15")


@dataclass(frozen=True)
class Ratios:
    """Each an estimate, or why there is none. Calculated when it is asked for.

    Attributes:
        returns: Of the days that have one, in their order.
        drawdown: The deepest on them, as a part; None where there is none to tell.
        why: Why there is none of them; None where there may be.
        levels: Of ``wealth``, where it was asked before.
    """

    returns: Sequence[Decimal] = ()
    drawdown: Decimal | None = None
    why: Reason | None = None
    levels: Sequence[Decimal] = ()

    @cached_property
    def annual_return(self) -> Measured:
        """What the chained return would come to in a year at the same pace."""
        return self.why or annual_return(self.returns, self.levels)

    @cached_property
    def annual_volatility(self) -> Measured:
        """The deviation of daily returns × √365."""
        return self.why or annual_volatility(self.returns)

    @cached_property
    def sharpe(self) -> Measured:
        """Their mean by their deviation, × √365."""
        return self.why or sharpe(self.returns)

    @cached_property
    def sortino(self) -> Measured:
        """Their mean by their deviation below zero, × √365."""
        return self.why or sortino(self.returns)

    @cached_property
    def calmar(self) -> Measured:
        """``annual_return`` by the deepest drawdown."""
        return self.why or _by_drawdown(self.annual_return, self.drawdown or _ZERO)


def ratios_of(
    returns: Sequence[Decimal], drawdown: Decimal | None, levels: Sequence[Decimal] = ()
) -> Ratios:
    """The ratios of these daily returns; why not, where they are fewer than 30."""
    if 0 < len(returns) < LEAST_DAYS:
        few = {"days": str(len(returns)), "least": str(LEAST_DAYS)}
        return Ratios(why=Reason(Code.TOO_FEW_DAYS, few))
    return Ratios(returns, drawdown, levels=levels)


def annual_return(returns: Sequence[Decimal], levels: Sequence[Decimal] = ()) -> Measured:
    """The chained return, to the power of the years that there are."""
    if why := _unusable(returns, least=1):
        return why
    level = levels[-1] if levels else deque(wealth(returns), maxlen=1).pop()
    years = ESTIMATE.divide(_YEAR, Decimal(len(returns)))
    return estimated(ESTIMATE.subtract(ESTIMATE.power(level, years), _ONE))


def annual_volatility(returns: Sequence[Decimal]) -> Measured:
    """The deviation of daily returns, of a year; 0 where all are the same."""
    if why := _unusable(returns):
        return why
    return estimated(_of_year(deviation(returns)))


def sharpe(returns: Sequence[Decimal]) -> Measured:
    """The mean of daily returns by their deviation, of a year."""
    if why := _unusable(returns) or _even(returns):
        return why
    return estimated(_of_year(ESTIMATE.divide(mean(returns), deviation(returns))))


def sortino(returns: Sequence[Decimal]) -> Measured:
    """The mean of daily returns by their deviation below zero, of a year."""
    if why := _unusable(returns):
        return why
    below = [each for each in returns if each < 0]
    if not below:
        is_zero = not any(returns)
        return Reason(Code.ALL_ZERO if is_zero else Code.NO_LOSING_DAY)
    if why := _even(returns):
        return why
    risk = ESTIMATE.sqrt(ESTIMATE.divide(_squares(below), Decimal(len(returns))))
    return estimated(_of_year(ESTIMATE.divide(mean(returns), risk)))


def calmar(returns: Sequence[Decimal], drawdown: Decimal) -> Measured:
    """The annual return by the deepest drawdown."""
    return _by_drawdown(annual_return(returns), drawdown)


def _by_drawdown(annual: Measured, drawdown: Decimal) -> Measured:
    if isinstance(annual, Reason):
        return annual
    if not drawdown:
        return Reason(Code.NO_DRAWDOWN)
    return estimated(ESTIMATE.divide(annual, drawdown))


def mean(values: Sequence[Decimal]) -> Decimal:
    """Of at least one."""
    return ESTIMATE.divide(reduce(ESTIMATE.add, values), Decimal(len(values)))


def deviation(values: Sequence[Decimal]) -> Decimal:
    """Of a sample of at least two: the sum of squares is divided by one less than their number."""
    number, total = Decimal(len(values)), reduce(EXACT.add, values)
    # Exactly, the sum of the squares of distances from the mean, × how many there are.
    spread = EXACT.subtract(EXACT.multiply(number, _squares(values)), EXACT.multiply(total, total))
    return ESTIMATE.sqrt(ESTIMATE.divide(spread, number * (number - 1)))


def estimated(value: Decimal) -> Decimal:
    """With no more decimals than an estimate has."""
    rounded = value.quantize(_ESTIMATED, rounding=ROUND_HALF_EVEN, context=ESTIMATE)
    return ESTIMATE.normalize(rounded)


def _squares(values: Sequence[Decimal]) -> Decimal:
    total, fma = _ZERO, EXACT.fma
    for each in values:
        total = fma(each, each, total)
    return total


def _of_year(value: Decimal) -> Decimal:
    return ESTIMATE.multiply(value, _ROOT_OF_YEAR)


def _unusable(returns: Sequence[Decimal], *, least: int = 2) -> Reason | None:
    if not returns:
        return Reason(Code.NO_DAYS)
    if is_ruin(returns):
        return Reason(Code.RUIN)
    return Reason(Code.ONE_DAY) if len(returns) < least else None


def _even(returns: Sequence[Decimal]) -> Reason | None:
    """Why nothing is divided by a deviation of zero."""
    if any(each != returns[0] for each in returns):
        return None
    return Reason(Code.CONSTANT if returns[0] else Code.ALL_ZERO)

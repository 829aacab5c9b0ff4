"""Sharpe, Sortino, Calmar, annual return and volatility, from daily returns: estimates.

A year has 365 days, since these markets never close; nothing is earned without risk. The deviation
is that of a sample; Sortino's divides by all days, and counts only what lies below zero. All is
calculated in ``Decimal`` and told to 15 decimals, none of which is exact money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from operator import mul

from capital.domain.money import EXACT, QUOTIENT_DECIMALS
from capital.domain.performance.measures.returns import ESTIMATE, Measured, Returns, level_of
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
        returns: Of the days that have one.
        drawdown: The deepest on them, as a part; None where there is none to tell.
        why: Why there is none of them; None where there may be.
    """

    returns: Returns = field(default_factory=Returns)
    drawdown: Decimal | None = None
    why: Reason | None = None

    @cached_property
    def annual_return(self) -> Measured:
        """What the chained return would come to in a year at the same pace."""
        return self.why or annual_return(self.returns)

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


def ratios_of(returns: Returns, drawdown: Decimal | None) -> Ratios:
    """The ratios of these daily returns; why not, where they are fewer than 30."""
    if 0 < len(returns) < LEAST_DAYS:
        few = {"days": str(len(returns)), "least": str(LEAST_DAYS)}
        return Ratios(why=Reason(Code.TOO_FEW_DAYS, few))
    return Ratios(returns, drawdown)


def annual_return(returns: Returns) -> Measured:
    """The chained return, to the power of the years that there are."""
    if why := _unusable(returns, least=1):
        return why
    years = ESTIMATE.divide(_YEAR, Decimal(len(returns)))
    power = ESTIMATE.power(level_of(returns.levels[-1]), years)
    return estimated(ESTIMATE.subtract(power, _ONE))


def annual_volatility(returns: Returns) -> Measured:
    """The deviation of daily returns, of a year; 0 where all are the same."""
    if why := _unusable(returns):
        return why
    return estimated(_of_year(_deviation(returns.values)))


def sharpe(returns: Returns) -> Measured:
    """The mean of daily returns by their deviation, of a year."""
    if why := _unusable(returns) or _even(returns):
        return why
    values = returns.values
    return estimated(_of_year(ESTIMATE.divide(_mean(values), _deviation(values))))


def sortino(returns: Returns) -> Measured:
    """The mean of daily returns by their deviation below zero, of a year."""
    if why := _unusable(returns):
        return why
    values = returns.values
    below = [each for each in values if each < 0]
    if not below:
        is_zero = not any(values)
        return Reason(Code.ALL_ZERO if is_zero else Code.NO_LOSING_DAY)
    if why := _even(returns):
        return why
    risk = _root(_squares(below), len(values))
    return estimated(_of_year(ESTIMATE.divide(_mean(values), risk)))


def calmar(returns: Returns, drawdown: Decimal) -> Measured:
    """The annual return by the deepest drawdown."""
    return _by_drawdown(annual_return(returns), drawdown)


def _by_drawdown(annual: Measured, drawdown: Decimal) -> Measured:
    if isinstance(annual, Reason):
        return annual
    if not drawdown:
        return Reason(Code.NO_DRAWDOWN)
    return estimated(ESTIMATE.divide(annual, drawdown))


def deviation(values: Sequence[Decimal]) -> Decimal:
    """Of a sample of at least two returns."""
    return _deviation([int(EXACT.scaleb(each, QUOTIENT_DECIMALS)) for each in values])


def _deviation(values: Sequence[int]) -> Decimal:
    """The sum of squares of distances from the mean is divided by one less than their number."""
    number, total = len(values), sum(values)
    # Exactly, that sum × how many there are.
    return _root(number * _squares(values) - total * total, number * (number - 1))


def estimated(value: Decimal) -> Decimal:
    """With no more decimals than an estimate has."""
    rounded = value.quantize(_ESTIMATED, rounding=ROUND_HALF_EVEN, context=ESTIMATE)
    return ESTIMATE.normalize(rounded)


# Of returns, which are whole numbers of their last decimal.


def _mean(values: Sequence[int]) -> Decimal:
    return _return(ESTIMATE.divide(Decimal(sum(values)), Decimal(len(values))))


def _root(squares: int, number: int) -> Decimal:
    """Of what squares of returns come to, by a number."""
    return _return(ESTIMATE.sqrt(ESTIMATE.divide(Decimal(squares), Decimal(number))))


def _squares(values: Sequence[int]) -> int:
    return sum(map(mul, values, values))


def _return(number: Decimal) -> Decimal:
    return number.scaleb(-QUOTIENT_DECIMALS, ESTIMATE)


def _of_year(value: Decimal) -> Decimal:
    return ESTIMATE.multiply(value, _ROOT_OF_YEAR)


def _unusable(returns: Returns, *, least: int = 2) -> Reason | None:
    if not returns.values:
        return Reason(Code.NO_DAYS)
    if returns.is_ruin:
        return Reason(Code.RUIN)
    return Reason(Code.ONE_DAY) if len(returns) < least else None


def _even(returns: Returns) -> Reason | None:
    """Why nothing is divided by a deviation of zero."""
    first = returns.values[0]
    if any(each != first for each in returns.values):
        return None
    return Reason(Code.CONSTANT if first else Code.ALL_ZERO)

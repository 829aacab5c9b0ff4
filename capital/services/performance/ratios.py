"""What days come to: return, ROI, drawdowns and ratios, or why there is none."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from capital.domain.money import EXACT
from capital.domain.performance.measures.drawdowns import (
    Drawdowns,
    money_drawdowns,
    return_drawdowns,
)
from capital.domain.performance.measures.ratios import Ratios, ratios_of
from capital.domain.performance.measures.returns import Measured, Returns, roi
from capital.domain.performance.measures.series import Series
from capital.domain.reasons import Code, Reason


@dataclass(frozen=True)
class Measures:
    """Of some links together, in one currency. Each is calculated when it is asked for.

    Attributes:
        series: The days.
        why: Why their PnL is not known; None where it may be.
        why_no_return: Why they have no return; None where they may have.
    """

    series: Series
    why: Reason | None = None
    why_no_return: Reason | None = None

    @property
    def days(self) -> int:
        """How many there are."""
        return len(self.series)

    @cached_property
    def returns(self) -> Returns:
        """Of the days that have one."""
        return Returns() if self.why_no_return else self.series.returns

    @property
    def days_with_return(self) -> int:
        """How many days have one."""
        return len(self.returns)

    @property
    def days_unknown(self) -> int:
        """How many days have none because their PnL or capital is not known."""
        return 0 if self.why_no_return else self.series.days_unknown

    @cached_property
    def pnl(self) -> Measured:
        """Realised after fees and funding, and the change of what is unrealised."""
        return self.why or self.series.pnl

    @cached_property
    def average_capital(self) -> Measured:
        """Of the days with capital."""
        return self.why_no_return or self.series.average_capital

    @cached_property
    def total_return(self) -> Measured:
        """Of daily returns, chained."""
        return self.why_no_return or self.returns.total

    @cached_property
    def roi(self) -> Measured:
        """``pnl`` by ``average_capital``."""
        return self.why_no_return or roi(self.pnl, self.average_capital)

    @cached_property
    def drawdown(self) -> Drawdowns | Reason:
        """Of the chained return, as parts."""
        return self.why_no_return or return_drawdowns(self.returns)

    @cached_property
    def money_drawdown(self) -> Drawdowns | Reason:
        """Of what was earned, in the currency."""
        return self.why or money_drawdowns(self.series)

    @cached_property
    def ratios(self) -> Ratios:
        """Estimates."""
        if self.why_no_return:
            return Ratios(why=self.why_no_return)
        depth = self.drawdown.depth if isinstance(self.drawdown, Drawdowns) else None
        return ratios_of(self.returns, depth)


def measured(series: Series, *, begins_unknown: bool, is_own: bool) -> Measures:
    """What these days come to.

    Args:
        series: Days of one currency.
        begins_unknown: Whether a link of them begins with something unrealised that nobody knows.
        is_own: Whether it is that of their accounts, so that capital stands against it.
    """
    return Measures(
        series,
        Reason(Code.PNL_UNKNOWN) if begins_unknown else None,
        None if is_own else Reason(Code.OTHER_CURRENCY),
    )


def of_symbol() -> Measures:
    """Of a symbol only what was realised is known."""
    why = Reason(Code.NOT_BY_SYMBOL)
    return Measures(Series(), why, why)


def change_of(pnl: Measured, earned: Decimal) -> Measured:
    """How what is unrealised changed: what of the PnL was not realised."""
    return pnl if isinstance(pnl, Reason) else EXACT.subtract(pnl, earned)

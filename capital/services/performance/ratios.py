"""What days come to: return, ROI, drawdowns and ratios, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from capital.domain.money import EXACT
from capital.domain.performance.measures.drawdowns import (
    Drawdowns,
    money_drawdowns,
    return_drawdowns,
)
from capital.domain.performance.measures.ratios import Ratios, ratios_of
from capital.domain.performance.measures.returns import (
    Day,
    Measured,
    average_capital,
    chained,
    returns_of,
    roi,
    total_pnl,
)
from capital.domain.reasons import Code, Reason


@dataclass(frozen=True)
class Measures:
    """Of some links together, in one currency.

    Attributes:
        days: How many there are.
        days_with_return: How many of them have one.
        days_unknown: How many have none because their PnL or capital is not known.
        pnl: Realised after fees and funding, and the change of what is unrealised.
        average_capital: Of the days with capital.
        total_return: Of daily returns, chained.
        roi: ``pnl`` by ``average_capital``.
        drawdown: Of the chained return, as parts.
        money_drawdown: Of what was earned, in the currency.
        ratios: Estimates.
    """

    days: int
    days_with_return: int
    days_unknown: int
    pnl: Measured
    average_capital: Measured
    total_return: Measured
    roi: Measured
    drawdown: Drawdowns | Reason
    money_drawdown: Drawdowns | Reason
    ratios: Ratios


def measured(days: Sequence[Day], *, begins_unknown: bool, is_own: bool) -> Measures:
    """What these days come to.

    Args:
        days: Of one currency, in their order.
        begins_unknown: Whether a link of them begins with something unrealised that nobody knows.
        is_own: Whether it is that of their accounts, so that capital stands against it.
    """
    pnl = Reason(Code.PNL_UNKNOWN) if begins_unknown else total_pnl(days)
    money = Reason(Code.PNL_UNKNOWN) if begins_unknown else money_drawdowns(days)
    if not is_own:
        return _without_capital(len(days), pnl, money, Reason(Code.OTHER_CURRENCY))
    returns = returns_of(days)
    values = [each for _, each in returns]
    capital, drawdown = average_capital(days), return_drawdowns(returns)
    depth = drawdown.depth if isinstance(drawdown, Drawdowns) else None
    return Measures(
        days=len(days),
        days_with_return=len(returns),
        days_unknown=sum(not day.is_known for day in days),
        pnl=pnl,
        average_capital=capital,
        total_return=chained(values),
        roi=roi(pnl, capital),
        drawdown=drawdown,
        money_drawdown=money,
        ratios=ratios_of(values, depth),
    )


def of_symbol() -> Measures:
    """Of a symbol only what was realised is known."""
    why = Reason(Code.NOT_BY_SYMBOL)
    return _without_capital(0, why, why, why)


def _without_capital(days: int, pnl: Measured, money: Drawdowns | Reason, why: Reason) -> Measures:
    return Measures(days, 0, 0, pnl, why, why, why, why, money, Ratios(why, why, why, why, why))


def change_of(pnl: Measured, earned: Decimal) -> Measured:
    """How what is unrealised changed: what of the PnL was not realised."""
    return pnl if isinstance(pnl, Reason) else EXACT.subtract(pnl, earned)

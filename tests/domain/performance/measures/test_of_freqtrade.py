"""freqtrade gives other things the same names: what its figures and ours have in common.

Made by freqtrade 2026.9 of eighteen trades on 10,000 USDT within nine days.
"""

from datetime import timedelta
from decimal import Decimal

import pytest

from capital.domain.performance.measures.drawdowns import Drawdowns, return_drawdowns
from capital.domain.performance.measures.ratios import annual_return, calmar, sharpe, sortino
from capital.domain.performance.measures.returns import Day
from capital.domain.performance.measures.series import Series
from capital.domain.performance.measures.trades import EndedTrade, trade_statistics
from capital.domain.reasons import Code, Reason
from tests.domain.performance.measures.builders import D, day

TRADES = [
    *("68.925", "-127.08", "182.18", "215.84", "-115.555", "-207.08", "50.38", "56.88306", "82.2"),
    *("34.76", "-862.0725", "-26.878", "-3.6", "140.9225", "117.76", "129.6825", "16.74"),
    "-28.3825",
]
DAYS = [
    *("0", "68.925", "270.94", "-115.555", "17.14306", "-862.0725", "228.2045", "146.4225"),
    "-28.3825",
]


def days() -> list[Day]:
    balance, found = D(10_000), []
    for number, pnl in enumerate(DAYS):
        found.append(day(number, balance, "0", pnl))
        balance += D(pnl)
    return found


def near(figure: Decimal | Reason) -> float:
    assert isinstance(figure, Decimal)
    return float(figure)


def test_what_counts_trades_is_the_same() -> None:
    found = trade_statistics([EndedTrade(D(pnl), timedelta(hours=1)) for pnl in TRADES])

    assert (found.trades, found.wins, found.losses) == (18, 11, 7)
    assert near(found.win_rate) == pytest.approx(0.6111111111111112, rel=1e-12)
    assert near(found.profit_factor) == pytest.approx(0.7998210043716549, rel=1e-12)
    assert near(found.expectancy) == pytest.approx(-15.243052222222204, rel=1e-12)
    assert round(near(found.sqn), 4) == -0.2719


def test_what_is_chained_over_days_is_the_same() -> None:
    returns = Series.of(days()).returns
    drawdowns = return_drawdowns(returns)

    assert near(returns.total) == pytest.approx(-0.027437494, rel=1e-12)
    assert near(annual_return(returns)) == pytest.approx(-0.6764149696743516, rel=1e-12)
    assert isinstance(drawdowns, Drawdowns)
    assert float(drawdowns.depth) == pytest.approx(0.09289139074833187, rel=1e-12)


def test_ratios_are_not_the_same() -> None:
    """Its mean is over calendar days, its deviation over trades and of the population."""
    returns = Series.of(days()).returns
    drawdowns = return_drawdowns(returns)
    assert isinstance(drawdowns, Drawdowns)

    assert near(sharpe(returns)) == pytest.approx(-1.4892517801426004, rel=1e-12)  # its: -2.5194
    assert near(sortino(returns)) == pytest.approx(-1.7398171460966783, rel=1e-12)  # its: -2.0803
    ratio = calmar(returns, drawdowns.depth)
    assert near(ratio) == pytest.approx(-7.281783211825779, rel=1e-12)  # its: -60.7724


@pytest.mark.parametrize(
    ("amounts", "its_profit_factor", "ours"),
    [
        (["100"], 0.0, Reason(Code.NO_LOSSES)),
        ([], 0.0, Reason(Code.NO_TRADES)),
        (["100", "-50", "70"], 3.4, D("3.4")),
    ],
)
def test_without_losses_its_profit_factor_is_zero_and_ours_says_why(
    amounts, its_profit_factor, ours
) -> None:
    found = trade_statistics([EndedTrade(D(pnl), timedelta(hours=1)) for pnl in amounts])

    assert found.profit_factor == ours
    assert (found.profit_factor == D(str(its_profit_factor))) == (its_profit_factor != 0)

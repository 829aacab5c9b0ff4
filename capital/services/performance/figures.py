"""The figures of performance: what each is called, how it is defined, and where a row has it.

Admin, API, command and CSV tell the same ones, in this order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from capital.domain.performance.measures.drawdowns import Drawdowns
from capital.domain.reasons import Reason
from capital.services.performance.ratios import change_of
from capital.services.performance.report import PerformanceRow

# A number, or why there is none; None where there is nothing to tell.
Told = Decimal | int | date | timedelta | Reason | None


class Kind(Enum):
    """What a figure is, which says how it is written."""

    PART = "part"
    AMOUNT = "amount"
    RATIO = "ratio"
    COUNT = "count"
    DAY = "day"
    SPAN = "span"


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        name: As programs know it. Stable.
        kind: A part is told as it is, 0.05, and shown as 5 %.
        title: What people call it.
        definition: What it says, and how it is calculated.
        of: Where a row has it.
        is_estimate: Whether it says less than its digits do.
    """

    name: str
    kind: Kind
    title: str | Promise
    definition: str | Promise
    of: Callable[[PerformanceRow], Told]
    is_estimate: bool = False


def _of_drawdown(
    which: Callable[[PerformanceRow], Drawdowns | Reason], what: Callable[[Drawdowns], Told]
) -> Callable[[PerformanceRow], Told]:
    def of(row: PerformanceRow) -> Told:
        found = which(row)
        return found if isinstance(found, Reason) else what(found)

    return of


def _in_percent(what: Callable[[Drawdowns], Told]) -> Callable[[PerformanceRow], Told]:
    return _of_drawdown(lambda row: row.measures.drawdown, what)


def _in_money(what: Callable[[Drawdowns], Told]) -> Callable[[PerformanceRow], Told]:
    return _of_drawdown(lambda row: row.measures.money_drawdown, what)


_EARNED = (
    Figure(
        "return",
        Kind.PART,
        pgettext_lazy("performance", "Return"),
        _(
            "The returns of the days, chained. A day's return is its PnL by the equity at its "
            "start and the capital that allocations added on it. Money put in is no return. "
            "freqtrade divides all profit by the starting balance."
        ),
        lambda row: row.measures.total_return,
    ),
    Figure(
        "pnl",
        Kind.AMOUNT,
        _("PnL"),
        _("What was realised after fees and funding, and the change of what is unrealised."),
        lambda row: row.measures.pnl,
    ),
    Figure(
        "roi",
        Kind.PART,
        _("ROI"),
        _("The PnL of the period by the average capital of those days that had capital."),
        lambda row: row.measures.roi,
    ),
    Figure(
        "realized",
        Kind.AMOUNT,
        _("Realised"),
        _("What closed positions earned, before fees and funding."),
        lambda row: row.sums.realized,
    ),
    Figure(
        "fees",
        Kind.AMOUNT,
        _("Fees"),
        _("Above zero was paid; below zero, rebates were larger."),
        lambda row: row.sums.fees,
    ),
    Figure(
        "funding",
        Kind.AMOUNT,
        _("Funding"),
        _("Funding and interest. Above zero was received, below zero was paid."),
        lambda row: row.sums.funding,
    ),
    Figure(
        "unrealized_change",
        Kind.AMOUNT,
        _("Change of unrealised"),
        _("Unrealised PnL at the end of the period, less that at its start."),
        lambda row: change_of(row.measures.pnl, row.sums.earned),
    ),
    Figure(
        "capital",
        Kind.AMOUNT,
        _("Capital now"),
        _("What may be used now, by the last allocation."),
        lambda row: row.capital,
    ),
    Figure(
        "average_capital",
        Kind.AMOUNT,
        _("Average capital"),
        _("The mean of equity and added capital, over the days that had capital."),
        lambda row: row.measures.average_capital,
    ),
)

_FALLEN = (
    Figure(
        "drawdown",
        Kind.PART,
        _("Drawdown"),
        _(
            "How far the chained return fell from its highest level before, at most. freqtrade's "
            "is of closed trades alone, on the starting balance."
        ),
        _in_percent(lambda found: found.depth),
    ),
    Figure(
        "drawdown_now",
        Kind.PART,
        _("Drawdown now"),
        _("How far the chained return is below its highest level now."),
        _in_percent(lambda found: found.depth_now),
    ),
    Figure(
        "drawdown_since",
        Kind.DAY,
        _("Below its highest since"),
        _("The first day of the drawdown that has not recovered; empty at the highest level."),
        _in_percent(lambda found: None if found.current is None else found.current.since),
    ),
    Figure(
        "drawdown_longest_days",
        Kind.COUNT,
        _("Longest drawdown, in days"),
        _("From the first day below the highest level until it was reached again, or until now."),
        _in_percent(lambda found: 0 if found.longest is None else found.longest.days),
    ),
    Figure(
        "drawdown_amount",
        Kind.AMOUNT,
        _("Drawdown in money"),
        _(
            "How much of what was earned was lost again, at most. Money put in or taken does not "
            "count."
        ),
        _in_money(lambda found: found.depth),
    ),
    Figure(
        "drawdown_amount_now",
        Kind.AMOUNT,
        _("Drawdown in money now"),
        _("How much less was earned by now than at the best moment."),
        _in_money(lambda found: found.depth_now),
    ),
)

_ESTIMATED = (
    Figure(
        "annual_return",
        Kind.PART,
        _("Annual return"),
        _("The return, as it would be after 365 days at the same pace. An estimate."),
        lambda row: row.measures.ratios.annual_return,
        is_estimate=True,
    ),
    Figure(
        "annual_volatility",
        Kind.PART,
        _("Annual volatility"),
        _("The sample deviation of daily returns, × √365. An estimate."),
        lambda row: row.measures.ratios.annual_volatility,
        is_estimate=True,
    ),
    Figure(
        "sharpe",
        Kind.RATIO,
        _("Sharpe"),
        _(
            "The mean of daily returns by their sample deviation, × √365; risk-free rate 0. An "
            "estimate. freqtrade's is over trades and comes out differently."
        ),
        lambda row: row.measures.ratios.sharpe,
        is_estimate=True,
    ),
    Figure(
        "sortino",
        Kind.RATIO,
        _("Sortino"),
        _(
            "As Sharpe, by the deviation of losing days only, over all days. An estimate. "
            "freqtrade's is over trades and comes out differently."
        ),
        lambda row: row.measures.ratios.sortino,
        is_estimate=True,
    ),
    Figure(
        "calmar",
        Kind.RATIO,
        _("Calmar"),
        _(
            "Annual return by the deepest drawdown. An estimate. freqtrade's is another figure: "
            "mean × 100 ÷ drawdown × √365."
        ),
        lambda row: row.measures.ratios.calmar,
        is_estimate=True,
    ),
)

_TRADED = (
    Figure(
        "trades",
        Kind.COUNT,
        pgettext_lazy("round trips", "Trades"),
        _("Round trips from flat to flat that ended in the period."),
        lambda row: row.trades.trades,
    ),
    Figure(
        "wins",
        Kind.COUNT,
        _("Wins"),
        _("Trades that earned more than zero after fees and funding."),
        lambda row: row.trades.wins,
    ),
    Figure(
        "losses",
        Kind.COUNT,
        _("Losses"),
        _("Trades that earned less than zero after fees and funding."),
        lambda row: row.trades.losses,
    ),
    Figure(
        "win_rate",
        Kind.PART,
        _("Win rate"),
        _("Wins by wins and losses. A trade of exactly zero is neither."),
        lambda row: row.trades.win_rate,
    ),
    Figure(
        "profit_factor",
        Kind.RATIO,
        _("Profit factor"),
        _(
            "What wins earned by what losses lost. Without losses there is none, where freqtrade "
            "says 0."
        ),
        lambda row: row.trades.profit_factor,
    ),
    Figure(
        "payoff",
        Kind.RATIO,
        _("Payoff"),
        _("The average win by the average loss."),
        lambda row: row.trades.payoff,
    ),
    Figure(
        "expectancy",
        Kind.AMOUNT,
        _("Expectancy"),
        _("What a trade earned on average."),
        lambda row: row.trades.expectancy,
    ),
    Figure(
        "sqn",
        Kind.RATIO,
        _("SQN"),
        _("Expectancy by the sample deviation of trades, × √trades."),
        lambda row: row.trades.sqn,
        is_estimate=True,
    ),
    Figure(
        "largest_win",
        Kind.AMOUNT,
        _("Largest win"),
        _("Of one trade."),
        lambda row: row.trades.largest_win,
    ),
    Figure(
        "largest_loss",
        Kind.AMOUNT,
        _("Largest loss"),
        _("Of one trade."),
        lambda row: row.trades.largest_loss,
    ),
    Figure(
        "longest_losing_series",
        Kind.COUNT,
        _("Longest losing series"),
        _("How many losses came one after the other, at most."),
        lambda row: row.trades.longest_losing_series,
    ),
    Figure(
        "average_held",
        Kind.SPAN,
        _("Held on average"),
        _("From the first fill of a trade to its last."),
        lambda row: row.trades.average_held_for,
    ),
    Figure(
        "volume",
        Kind.AMOUNT,
        _("Volume"),
        _("What was bought and sold, at its price."),
        lambda row: row.sums.volume,
    ),
)

# What is not quite known, beside the figures that it concerns.
_UNKNOWN = (
    Figure(
        "days",
        Kind.COUNT,
        _("Days"),
        _("Days of the period that are known of."),
        lambda row: row.measures.days,
    ),
    Figure(
        "days_with_return",
        Kind.COUNT,
        _("Days with a return"),
        _("Days with capital whose PnL is known. The others are not in the return."),
        lambda row: row.measures.days_with_return,
    ),
    Figure(
        "days_unknown",
        Kind.COUNT,
        _("Days not known"),
        _("Days whose PnL or capital is not known, mostly for want of a mark at their end."),
        lambda row: row.measures.days_unknown,
    ),
    Figure(
        "trades_incomplete",
        Kind.COUNT,
        _("Trades not fully known"),
        _("Trades with a fee of unknown value, or a sale without a known cost."),
        lambda row: row.trades.incomplete,
    ),
    Figure(
        "trades_unlisted",
        Kind.COUNT,
        _("Trades not listed"),
        _("Trades that ended before they were stored one by one; in no figure of trades."),
        lambda row: row.trades_unlisted,
    ),
)

FIGURES: Mapping[str, Figure] = {
    figure.name: figure for figure in (*_EARNED, *_FALLEN, *_ESTIMATED, *_TRADED, *_UNKNOWN)
}

# What fits beside each other in a table; exports and the page of each have all figures.
_COLUMNS = (
    *("return", "pnl", "roi", "win_rate", "profit_factor", "drawdown", "sharpe", "trades"),
    "capital",
)
# Capital stands against none of them, so there is no return.
_COLUMNS_OF_SYMBOLS = (
    *("realized", "fees", "funding", "win_rate", "profit_factor", "payoff", "expectancy", "trades"),
    "volume",
)


def columns_of(by: str) -> tuple[str, ...]:
    """The figures of a table whose rows are of ``GROUPS``."""
    return _COLUMNS_OF_SYMBOLS if by == "symbol" else _COLUMNS


@dataclass(frozen=True)
class Figures:
    """Figures of a row, by name.

    Attributes:
        values: None where there is none.
        reasons: Of those without a value, why; none where nothing is to be told.
        fees_unvalued: By currency, the fees whose worth nobody knows; in no other figure.
    """

    values: Mapping[str, Decimal | int | date | timedelta | None]
    reasons: Mapping[str, Reason]
    fees_unvalued: Mapping[str, Decimal]


def figures_of(row: PerformanceRow, names: Sequence[str] = tuple(FIGURES)) -> Figures:
    """Figures of a row, in the order of ``FIGURES``: all, or those that are named."""
    told = {name: FIGURES[name].of(row) for name in names}
    return Figures(
        {name: None if isinstance(each, Reason) else each for name, each in told.items()},
        {name: each for name, each in told.items() if isinstance(each, Reason)},
        row.sums.fees_unvalued if "fees" in told else {},
    )

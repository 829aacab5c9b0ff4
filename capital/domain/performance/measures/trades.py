"""Statistics of trades: how often they win, and what they win and lose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from capital.domain.money import EXACT, known_sum, quotient
from capital.domain.performance.measures.ratios import deviation, estimated, mean
from capital.domain.performance.measures.returns import ESTIMATE, Measured
from capital.domain.reasons import Code, Reason

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class EndedTrade:
    """A round trip that ended.

    Attributes:
        pnl: What it earned, after fees and funding.
        held_for: From its first fill to its last.
        is_complete: False where a fee's worth is not known, or part of a sale had no known cost.
    """

    pnl: Decimal
    held_for: timedelta
    is_complete: bool = True


@dataclass(frozen=True)
class TradeStatistics:
    """Of the trades that ended in a period, in one currency.

    Attributes:
        trades: How many. One that earned exactly nothing is in neither ``wins`` nor ``losses``.
        incomplete: How many of them earned something that is not quite known.
        win_rate: Wins by wins and losses.
        profit_factor: What the wins earned, by what the losses lost.
        payoff: The average win by the average loss.
        expectancy: What a trade earned on average.
        sqn: The expectancy by the deviation (of a sample), × √trades.
        largest_win: None without one.
        largest_loss: Below zero; None without one.
        longest_losing_series: How many losses came one after the other.
        average_held_for: None without trades.
    """

    trades: int
    wins: int
    losses: int
    incomplete: int
    win_rate: Measured
    profit_factor: Measured
    payoff: Measured
    expectancy: Measured
    sqn: Measured
    largest_win: Decimal | None
    largest_loss: Decimal | None
    longest_losing_series: int
    average_held_for: timedelta | None


def trade_statistics(trades: Sequence[EndedTrade]) -> TradeStatistics:
    """The statistics of these trades, in the order in which they ended."""
    amounts = [trade.pnl for trade in trades]
    wins = [amount for amount in amounts if amount > 0]
    losses = [amount for amount in amounts if amount < 0]
    return TradeStatistics(
        trades=len(trades),
        wins=len(wins),
        losses=len(losses),
        incomplete=sum(not trade.is_complete for trade in trades),
        win_rate=win_rate(len(wins), len(losses)),
        profit_factor=_profit_factor(wins, losses),
        payoff=_payoff(wins, losses),
        expectancy=estimated(mean(amounts)) if amounts else Reason(Code.NO_TRADES),
        sqn=_sqn(amounts),
        largest_win=max(wins, default=None),
        largest_loss=min(losses, default=None),
        longest_losing_series=_longest_losing(amounts),
        average_held_for=_average([trade.held_for for trade in trades]),
    )


def win_rate(wins: int, losses: int) -> Measured:
    """Wins by wins and losses, as a part: 5 of 8 are 0.625."""
    if not wins + losses:
        return Reason(Code.NO_TRADES)
    return estimated(ESTIMATE.divide(Decimal(wins), Decimal(wins + losses)))


def _profit_factor(wins: Sequence[Decimal], losses: Sequence[Decimal]) -> Measured:
    if not losses:
        return Reason(Code.NO_LOSSES if wins else Code.NO_TRADES)
    return estimated(quotient(_sum(wins), EXACT.minus(_sum(losses))))


def _payoff(wins: Sequence[Decimal], losses: Sequence[Decimal]) -> Measured:
    if not wins:
        return Reason(Code.NO_WINS if losses else Code.NO_TRADES)
    if not losses:
        return Reason(Code.NO_LOSSES)
    return estimated(ESTIMATE.divide(mean(wins), mean(losses)).copy_abs())


def _sqn(amounts: Sequence[Decimal]) -> Measured:
    if not amounts:
        return Reason(Code.NO_TRADES)
    if len(amounts) == 1:
        return Reason(Code.ONE_TRADE)
    spread = deviation(amounts)
    if not spread:
        return Reason(Code.CONSTANT if amounts[0] else Code.ALL_ZERO)
    root = ESTIMATE.sqrt(Decimal(len(amounts)))
    return estimated(ESTIMATE.divide(ESTIMATE.multiply(root, mean(amounts)), spread))


def _longest_losing(amounts: Sequence[Decimal]) -> int:
    longest = present = 0
    for amount in amounts:
        present = present + 1 if amount < 0 else 0
        longest = max(longest, present)
    return longest


def _average(spans: Sequence[timedelta]) -> timedelta | None:
    return sum(spans, timedelta()) / len(spans) if spans else None


def _sum(amounts: Sequence[Decimal]) -> Decimal:
    return known_sum(*amounts) or _ZERO

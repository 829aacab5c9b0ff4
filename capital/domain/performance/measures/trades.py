"""Statistics of trades: how often they win, and what they win and lose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from capital.domain.money import EXACT, quotient
from capital.domain.performance.measures.ratios import estimated
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


@dataclass(slots=True)
class TradeSums:
    """What some trades come to, in one currency: those of two months are added.

    Attributes:
        trades: How many. One that earned exactly nothing is in neither ``wins`` nor ``losses``.
        incomplete: How many of them earned something that is not quite known.
        won: What the wins earned.
        lost: What the losses earned; below zero.
        squares: The sum of the squares of what each earned.
        held_for: From first fill to last, of all of them.
        largest_win: None without one, and where it was not asked for.
        largest_loss: Below zero; None like ``largest_win``.
    """

    trades: int = 0
    wins: int = 0
    losses: int = 0
    incomplete: int = 0
    won: Decimal = _ZERO
    lost: Decimal = _ZERO
    squares: Decimal = _ZERO
    held_for: timedelta = timedelta()
    largest_win: Decimal | None = None
    largest_loss: Decimal | None = None

    def count(self, trade: EndedTrade) -> None:
        """Count in one trade."""
        pnl = trade.pnl
        self.trades += 1
        self.incomplete += not trade.is_complete
        self.squares = EXACT.fma(pnl, pnl, self.squares)
        self.held_for += trade.held_for
        if pnl > 0:
            self.wins += 1
            self.won = EXACT.add(self.won, pnl)
        elif pnl < 0:
            self.losses += 1
            self.lost = EXACT.add(self.lost, pnl)
        self.meet(pnl if pnl > 0 else None, pnl if pnl < 0 else None)

    def add(self, other: "TradeSums") -> None:
        """Count in the trades of another one."""
        for name in ("trades", "wins", "losses", "incomplete", "held_for"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("won", "lost", "squares"):
            setattr(self, name, EXACT.add(getattr(self, name), getattr(other, name)))
        self.meet(other.largest_win, other.largest_loss)

    def meet(self, win: Decimal | None, loss: Decimal | None) -> None:
        """Keep a win and a loss where they are larger."""
        if win is not None and (self.largest_win is None or win > self.largest_win):
            self.largest_win = win
        if loss is not None and (self.largest_loss is None or loss < self.largest_loss):
            self.largest_loss = loss

    @property
    def total(self) -> Decimal:
        """What they earned."""
        return EXACT.add(self.won, self.lost)


def sums_of(trades: Iterable[EndedTrade]) -> TradeSums:
    """What these trades come to."""
    found = TradeSums()
    for trade in trades:
        found.count(trade)
    return found


@dataclass(frozen=True)
class TradeStatistics:
    """Of the trades that ended in a period, in one currency. Calculated when it is asked for.

    Attributes:
        sums: What they come to.
        longest_losing_series: How many losses came one after the other; None: not asked for.
    """

    sums: TradeSums
    longest_losing_series: int | None = None

    @property
    def trades(self) -> int:
        """How many there are."""
        return self.sums.trades

    @property
    def wins(self) -> int:
        """How many earned more than zero."""
        return self.sums.wins

    @property
    def losses(self) -> int:
        """How many earned less than zero."""
        return self.sums.losses

    @property
    def incomplete(self) -> int:
        """How many earned something that is not quite known."""
        return self.sums.incomplete

    @property
    def win_rate(self) -> Measured:
        """Wins by wins and losses."""
        return win_rate(self.wins, self.losses)

    @property
    def profit_factor(self) -> Measured:
        """What the wins earned, by what the losses lost."""
        if not self.losses:
            return self._without_losses
        return estimated(quotient(self.sums.won, EXACT.minus(self.sums.lost)))

    @property
    def payoff(self) -> Measured:
        """The average win by the average loss."""
        if not self.wins and self.losses:
            return Reason(Code.NO_WINS)
        if not self.losses:
            return self._without_losses
        win, loss = _mean(self.sums.won, self.wins), _mean(self.sums.lost, self.losses)
        return estimated(ESTIMATE.divide(win, loss).copy_abs())

    @property
    def expectancy(self) -> Measured:
        """What a trade earned on average."""
        if not self.trades:
            return Reason(Code.NO_TRADES)
        return estimated(_mean(self.sums.total, self.trades))

    @property
    def sqn(self) -> Measured:
        """The expectancy by the deviation (of a sample), × √trades."""
        if not self.trades:
            return Reason(Code.NO_TRADES)
        if self.trades == 1:
            return Reason(Code.ONE_TRADE)
        total, number = self.sums.total, Decimal(self.trades)
        # The sum of the squares of distances from the mean, × the number of trades.
        spread = EXACT.subtract(
            EXACT.multiply(number, self.sums.squares), EXACT.multiply(total, total)
        )
        if not spread:
            return Reason(Code.CONSTANT if total else Code.ALL_ZERO)
        variance = ESTIMATE.divide(spread, number * (number - 1))
        ratio = ESTIMATE.divide(_mean(total, self.trades), ESTIMATE.sqrt(variance))
        return estimated(ESTIMATE.multiply(ESTIMATE.sqrt(number), ratio))

    @property
    def largest_win(self) -> Decimal | None:
        """None without one."""
        return self.sums.largest_win

    @property
    def largest_loss(self) -> Decimal | None:
        """Below zero; None without one."""
        return self.sums.largest_loss

    @property
    def average_held_for(self) -> timedelta | None:
        """None without trades."""
        return self.sums.held_for / self.trades if self.trades else None

    @property
    def _without_losses(self) -> Reason:
        return Reason(Code.NO_LOSSES if self.wins else Code.NO_TRADES)


def trade_statistics(trades: Sequence[EndedTrade]) -> TradeStatistics:
    """The statistics of these trades, in the order in which they ended."""
    return TradeStatistics(sums_of(trades), longest_losing(trade.pnl for trade in trades))


def win_rate(wins: int, losses: int) -> Measured:
    """Wins by wins and losses, as a part: 5 of 8 are 0.625."""
    if not wins + losses:
        return Reason(Code.NO_TRADES)
    return estimated(ESTIMATE.divide(Decimal(wins), Decimal(wins + losses)))


def longest_losing(amounts: Iterable[Decimal]) -> int:
    """How many losses came one after the other, at most."""
    longest = present = 0
    for amount in amounts:
        present = present + 1 if amount < 0 else 0
        longest = max(longest, present)
    return longest


def _mean(total: Decimal, number: int) -> Decimal:
    return ESTIMATE.divide(total, Decimal(number))

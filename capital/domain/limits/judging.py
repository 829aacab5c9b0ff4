"""Judge limits: how much of each was used, from the days of a link or an account.

A day's PnL and what it was earned with are those of performance: what decisions, deposits,
withdrawals and transfers move is no loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from capital.domain.money import EXACT, amount_text, booked, known_sum, plain, quotient
from capital.domain.performance.measures.returns import ESTIMATE, Day
from capital.domain.reasons import Code, Reason

_ZERO, _ONE, _HUNDRED = Decimal(0), Decimal(1), Decimal(100)
_HUNDREDTH = Decimal("0.01")
# From this part of a limit on it is near.
NEAR = Decimal("0.8")


class Kind(StrEnum):
    """Which limit. ``value`` is stored.

    Attributes:
        near: The code of a warning.
        reached: The code of a stop.
    """

    near: Code
    reached: Code

    def __new__(cls, value: str, near: Code, reached: Code) -> "Kind":
        """A member is its word; its codes go along."""
        kind = str.__new__(cls, value)
        kind._value_ = value
        kind.near, kind.reached = near, reached
        return kind

    DRAWDOWN = "drawdown", Code.DRAWDOWN_NEAR, Code.DRAWDOWN_REACHED
    DAILY_LOSS = "daily_loss", Code.DAILY_LOSS_NEAR, Code.DAILY_LOSS_REACHED
    DAILY_LOSS_AMOUNT = (
        "daily_loss_amount",
        Code.DAILY_LOSS_AMOUNT_NEAR,
        Code.DAILY_LOSS_AMOUNT_REACHED,
    )


class NotJudged(StrEnum):
    """Why a limit cannot be judged. ``value`` is stored, as a figure of ``limit_not_judged``."""

    NO_BOOKS = "no_books"
    """No fill was recorded, so nobody knows what was earned."""
    PNL_UNKNOWN = "pnl_unknown"
    """A mark is missing, or the equity at the start of the day."""
    SPOT_HELD = "spot_held"
    """Coins that a strategy bought are not in the balance."""
    BASIS_FREE = "basis_free"
    """What is tied up in orders and positions is not in the balance."""
    BASIS_CHANGED = "basis_changed"
    """Today another balance type or wallet was read."""
    BALANCE_NOT_READ = "balance_not_read"
    """There is no balance of today, or none of before."""
    FLOWS_NOT_READ = "flows_not_read"
    """A withdrawal would look like a loss until deposits and withdrawals are read."""


@dataclass(frozen=True)
class Baseline:
    """Where a limit stood when its stop was lifted: from there it counts again.

    Attributes:
        date: The day of it.
        daily_return: That day's return until then; None where it was not known.
        pnl: That day's PnL until then; None where it was not known.
    """

    date: date
    daily_return: Decimal | None
    pnl: Decimal | None


@dataclass(frozen=True)
class Judged:
    """How much of one limit is used.

    Attributes:
        used: In percent or as an amount; None where it is not known. Below zero the day earned.
        limit: In the same unit.
        reason: Says that it is near or reached, or why it was not judged; None where it is well
            below.
    """

    kind: Kind
    limit: Decimal
    used: Decimal | None
    reason: Reason | None = None

    @property
    def is_reached(self) -> bool:
        """Whether entries are to stop."""
        return self.used is not None and self.used >= self.limit

    @property
    def is_near(self) -> bool:
        """Whether a warning is due: at 80 % of the limit, and above."""
        return self.used is not None and self.used >= EXACT.multiply(self.limit, NEAR)


def judge(
    kind: Kind,
    limit: Decimal,
    days: Sequence[Day],
    *,
    today: date,
    currency: str,
    baseline: Baseline | None = None,
) -> Judged:
    """Judge one limit.

    Args:
        kind: Which.
        limit: In percent, or an amount in ``currency``; > 0.
        days: In their order, today so far the last one. Without today's, nothing has moved today.
        today: The project's day.
        currency: For sentences.
        baseline: Where it stood when it was lifted last; None: never.
    """
    if kind is Kind.DRAWDOWN:
        used = _drawdown(days, today, baseline)
    else:
        used = _daily_loss(kind, days, today, baseline)
    if used is None:
        return not_judged(kind, limit, NotJudged.PNL_UNKNOWN)
    judged = Judged(kind, limit, used)
    code = kind.reached if judged.is_reached else kind.near if judged.is_near else None
    if code is None:
        return judged
    return Judged(kind, limit, used, Reason(code, _figures(kind, limit, used, currency)))


def not_judged(kind: Kind, limit: Decimal, why: NotJudged) -> Judged:
    """A limit that is there, and not judged."""
    return Judged(kind, limit, None, Reason(Code.LIMIT_NOT_JUDGED, {"cause": why.value}))


def _figures(kind: Kind, limit: Decimal, used: Decimal, currency: str) -> dict[str, str]:
    if kind is Kind.DAILY_LOSS_AMOUNT:
        return {
            "loss": amount_text(used, currency),
            "limit": amount_text(limit, currency),
            "currency": currency,
        }
    # Rounded down: what is shown as reached was.
    percent = used.quantize(_HUNDREDTH, rounding=ROUND_FLOOR)
    return {"percent": plain(percent), "limit": plain(EXACT.normalize(limit))}


@dataclass
class _Gap:
    """Days in a row at whose ends nobody knows what was unrealised: they count as one long day.

    Attributes:
        start: Equity at the start of the first; None where that is not known.
        worth: What was unrealised then; None where that is not known.
    """

    start: Decimal | None
    worth: Decimal | None
    added: Decimal | None = _ZERO
    realized: Decimal = _ZERO

    def passed(self, day: Day) -> Day:
        """Take a day in; all until its end as one."""
        self.added = known_sum(self.added, day.added)
        self.realized = EXACT.add(self.realized, day.realized)
        return Day(day.date, self.start, self.added, self.realized, self.worth, day.worth_end)


def _drawdown(days: Sequence[Day], today: date, baseline: Baseline | None) -> Decimal | None:
    """In percent: how far the chained return is below its highest level, with today so far.

    What was lost while a mark was missing counts once there is one again.
    """
    level = peak = _ONE
    gap: _Gap | None = None
    for day in days:
        counted, daily = day, None
        if baseline is not None and day.date <= baseline.date:
            daily = _since(baseline, day) if day.date == baseline.date else None
        else:
            if day.pnl is None:
                gap = gap or _Gap(day.start, day.worth_start)
                counted = gap.passed(day)
            daily = counted.daily_return
        if day.worth_end is not None:
            gap = None
        if daily is None and day.date == today and not _is_without_capital(counted):
            return None
        if daily is None or level <= 0:
            continue
        level = ESTIMATE.multiply(level, ESTIMATE.add(_ONE, daily))
        peak = max(peak, level)
    part = min(_ONE, ESTIMATE.subtract(_ONE, ESTIMATE.divide(level, peak)))
    return EXACT.multiply(booked(part), _HUNDRED)


def _is_without_capital(day: Day) -> bool:
    """Whether it has no return for want of capital: that loses nothing."""
    return day.capital is not None and day.capital <= 0


def _since(baseline: Baseline, day: Day) -> Decimal | None:
    """The return of the rest of the day on which a stop was lifted; None where it is not known.

    What was earned since, by what there was then and what was added since. The capital of the day
    itself may have been none: whoever is stopped has none to trade with.
    """
    then, pnl, capital = baseline.pnl, day.pnl, day.capital
    if then is None or pnl is None or capital is None:
        return None
    left = EXACT.add(capital, then)
    return quotient(EXACT.subtract(pnl, then), left) if left > 0 else None


def _daily_loss(
    kind: Kind, days: Sequence[Day], today: date, baseline: Baseline | None
) -> Decimal | None:
    """Today's loss so far: in percent of what the day began with, or as an amount."""
    found = [day for day in days if day.date == today]
    if not found:
        return _ZERO
    day = found[-1]
    pnl = day.pnl
    if pnl is None:
        return None
    if baseline is not None and baseline.date == today:
        # What was lost before it was lifted does not count.
        if baseline.pnl is None:
            return None
        pnl = EXACT.subtract(pnl, baseline.pnl)
    loss = EXACT.minus(pnl)
    if kind is Kind.DAILY_LOSS_AMOUNT:
        return loss
    if day.capital is None:
        return None
    if day.capital <= 0:
        return _ZERO
    return EXACT.multiply(booked(quotient(loss, day.capital)), _HUNDRED)

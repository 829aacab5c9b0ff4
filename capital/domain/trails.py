"""The trail of a pool's accepted balances: what the next one is compared with.

A balance is compared with the last accepted one, and with the accepted ones of the last hour, so
that a slide in steps is the one jump that it is. What is known to have come or gone meanwhile (a
deposit, the price of a coin that was bought) is taken off: it is no jump.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from capital.domain.balances import Observation
from capital.domain.jumps import is_suspect, jump_percent
from capital.domain.money import EXACT

WINDOW = timedelta(hours=1)
# A first balance is confirmed by one that is read at least this much later.
CONFIRMED_AFTER = timedelta(minutes=1)
# Of the balances within a step, the lowest and the highest are kept.
_STEP_SECONDS = 300


@dataclass(frozen=True)
class Trail:
    """What was accepted of one pool.

    Attributes:
        hour: The balances of the last hour that none since was as high or as low as, oldest first.
        first: The first balance there, or the first after zero, while it is not confirmed.
    """

    hour: tuple[Observation, ...] = ()
    first: Observation | None = None

    def since(self, moment: datetime | None) -> "Trail":
        """Without what was read before ``moment``; None forgets nothing."""
        if moment is None:
            return self
        first = None if self.first is None or self.first.observed_at < moment else self.first
        return Trail(tuple(each for each in self.hour if each.observed_at >= moment), first)

    def followed_by(self, accepted: Observation) -> "Trail":
        """The trail once ``accepted`` is accepted and confirmed."""
        return Trail(_extremes((*_within_the_hour(self.hour, accepted.observed_at), accepted)))


@dataclass(frozen=True)
class Move:
    """What is known to have come (above zero) or gone, in account currency, and when."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True)
class Jump:
    """A jump that is too far to be believed.

    Attributes:
        origin: The accepted balance from which it leads.
        is_slide: It was reached in steps: only an accepted balance before the last is that far.
    """

    origin: Decimal
    is_slide: bool = False


def jumped_from(
    accepted: Observation | None,
    trail: Trail,
    observed: Observation,
    *,
    max_jump_percent: Decimal | None,
    moved: Sequence[Move] = (),
) -> Jump | None:
    """The jump that makes ``observed`` suspect; None if it is none.

    Args:
        accepted: The last accepted balance, whatever its age; None if there is none.
        trail: The pool's trail.
        observed: What the exchange says now.
        max_jump_percent: A change of more than this is suspect; None believes everything.
        moved: What is known to have come or gone, each once.
    """

    def without_moves(origin: Observation) -> Decimal:
        """The balance, had nothing come or gone since ``origin`` that is known."""
        amount = observed.amount
        for each in moved:
            if origin.observed_at < each.at <= observed.observed_at:
                amount = EXACT.subtract(amount, each.amount)
        return amount

    def is_far(origin: Observation) -> bool:
        return is_suspect(origin.amount, without_moves(origin), max_jump_percent=max_jump_percent)

    if accepted is not None and is_far(accepted):
        return Jump(accepted.amount)
    origins = [each for each in _within_the_hour(trail.hour, observed.observed_at) if is_far(each)]
    if not origins:
        return None
    furthest = max(origins, key=lambda each: jump_percent(each.amount, without_moves(each)) or 0)
    return Jump(furthest.amount, is_slide=True)


def needs_confirmation(accepted: Observation | None, trail: Trail, observed: Observation) -> bool:
    """Whether ``observed`` is compared with nothing: it is the first, or follows a zero.

    A balance of zero, or a debt, needs none: nothing can be allocated of it.
    """
    is_first = accepted is None or accepted.amount == 0 or trail.first is not None
    return is_first and observed.amount > 0


def _within_the_hour(hour: Sequence[Observation], now: datetime) -> list[Observation]:
    return [each for each in hour if now - each.observed_at <= WINDOW]


def _extremes(balances: Sequence[Observation]) -> tuple[Observation, ...]:
    """Those than which none later is as high, or as low; of each step and kind the first."""
    kept: dict[tuple[int, str], Observation] = {}
    highest = lowest = None
    for each in reversed(balances):
        step = int(each.observed_at.timestamp()) // _STEP_SECONDS
        if highest is None or each.amount > highest:
            highest = each.amount
            kept[step, "high"] = each
        if lowest is None or each.amount < lowest:
            lowest = each.amount
            kept[step, "low"] = each
    return tuple(sorted(dict.fromkeys(kept.values()), key=lambda each: each.observed_at))

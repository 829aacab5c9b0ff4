"""Whether a live balance jumped too far to be believed."""

from decimal import Decimal

from capital.domain.money import EXACT, ROUNDED

_HUNDRED = Decimal(100)


def jump_percent(accepted: Decimal | None, observed: Decimal) -> Decimal | None:
    """How far ``observed`` is from the last accepted balance, in percent of that balance.

    None where there is nothing to compare with: no accepted balance, or one of zero.
    """
    if accepted is None or accepted == 0:
        return None
    change = abs(EXACT.subtract(observed, accepted))
    return ROUNDED.divide(ROUNDED.multiply(change, _HUNDRED), abs(accepted))


def is_suspect(
    accepted: Decimal | None, observed: Decimal, *, max_jump_percent: Decimal | None
) -> bool:
    """Whether a live balance jumped too far from the last accepted one to be believed.

    Args:
        accepted: The last accepted balance of that pool; None if there is none.
        observed: What the exchange says now.
        max_jump_percent: A change of more than this is suspect; None believes everything.
    """
    if max_jump_percent is None or accepted is None or accepted == 0:
        return False
    change = abs(EXACT.subtract(observed, accepted))
    return EXACT.multiply(change, _HUNDRED) > EXACT.multiply(abs(accepted), max_jump_percent)

"""Whether a fill that is told is one that is known, and what is told otherwise."""

from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT, add_to, plain
from capital.models import Fill

# One teller may round a time to the second.
_SAME_MOMENT_SECONDS = 1


def identity(fill: Fill) -> tuple[object, ...]:
    """What makes two rows one: the exchange's id, or for want of it all that was told."""
    if fill.venue_fill_id:
        return fill.symbol, fill.side, fill.venue_fill_id
    return (
        fill.symbol,
        fill.side,
        "",
        fill.source,
        fill.order_id,
        fill.client_order_id,
        fill.position_side,
        EXACT.normalize(fill.quantity),
        EXACT.normalize(fill.price),
        fill.executed_at,
    )


def differences_of(earlier: Fill, now: Fill) -> dict[str, list[str]]:
    """By field, what was told otherwise. What one of the two does not tell is no difference."""
    found = {}
    for name in ("quantity", "price", "position_side"):
        before, after = getattr(earlier, name), getattr(now, name)
        if before != after:
            found[name] = [_text(before), _text(after)]
    apart = abs(earlier.executed_at.timestamp() - now.executed_at.timestamp())
    if apart > _SAME_MOMENT_SECONDS:
        found["executed_at"] = [earlier.executed_at.isoformat(), now.executed_at.isoformat()]
    if earlier.fees and now.fees and _fee_sums(earlier) != _fee_sums(now):
        found["fees"] = [_fee_text(earlier), _fee_text(now)]
    return found


def _text(value: Any) -> str:
    return plain(EXACT.normalize(value)) if isinstance(value, Decimal) else str(value)


def _fee_sums(fill: Fill) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for fee in fill.fees:
        add_to(sums, fee["currency"], Decimal(fee["amount"]))
    return {currency: EXACT.normalize(amount) for currency, amount in sums.items() if amount}


def _fee_text(fill: Fill) -> str:
    return ", ".join(f"{_text(amount)} {name}" for name, amount in sorted(_fee_sums(fill).items()))

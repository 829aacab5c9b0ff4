"""An amount split in proportion to numbers, exactly."""

from collections.abc import Sequence
from decimal import Decimal

from capital.domain.errors import InvalidAllocation
from capital.domain.money import EXACT


def split_by_weight(
    total: Decimal, weights: Sequence[Decimal], *, quantum: Decimal
) -> list[Decimal]:
    """Split ``total`` in proportion to ``weights``, losing and creating nothing.

    Largest-remainder method: each share is rounded down to ``quantum``, then the units left
    over go one each to the largest remainders. Equal remainders favour the earlier position,
    so a rerun gives the same answer.

    Args:
        total: Amount in account currency, >= 0 and a whole number of quanta.
        weights: Relative, each >= 0, at least one > 0. They need not sum to one.
        quantum: Smallest unit that may change hands, e.g. ``Decimal("0.01")``.

    Returns:
        One amount per weight, in order. Their sum is exactly ``total``.

    Raises:
        InvalidAllocation: A condition above does not hold.
    """
    if not quantum.is_finite() or quantum <= 0:
        raise InvalidAllocation(problem=f"the quantum {quantum} is not above zero")
    if not total.is_finite() or total < 0:
        raise InvalidAllocation(problem=f"the total {total} is not an amount of zero or more")
    check_weights(weights)
    scaled_total, scaled_quantum = _integers(total, quantum)
    units, rest = divmod(scaled_total, scaled_quantum)
    if rest:
        raise InvalidAllocation(problem=f"the total {total} is not a whole number of {quantum}")

    # From here on whole numbers: nothing can round.
    integer_weights = _integers(*weights)
    weight_sum = sum(integer_weights)
    shares, remainders = zip(
        *(divmod(units * weight, weight_sum) for weight in integer_weights), strict=True
    )
    by_remainder = sorted(range(len(weights)), key=lambda position: -remainders[position])
    favoured = set(by_remainder[: units - sum(shares)])
    return [
        EXACT.multiply(share + 1 if position in favoured else share, quantum)
        for position, share in enumerate(shares)
    ]


def check_weights(weights: Sequence[Decimal]) -> None:
    """Raises ``InvalidAllocation`` for weights by which nothing can be divided."""
    if any(not weight.is_finite() or weight < 0 for weight in weights):
        raise InvalidAllocation(problem="a weight is not a number of zero or more")
    if not any(weights):
        raise InvalidAllocation(problem="no weight is above zero")


def _integers(*values: Decimal) -> list[int]:
    """``values`` scaled by one common power of ten, so that all are whole numbers."""
    exponents = [int(value.as_tuple().exponent) for value in values]
    shift = -min(0, *exponents)
    return [int(EXACT.scaleb(value, shift)) for value in values]

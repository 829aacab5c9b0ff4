"""Which movements of two pools may be a transfer between them, read at two moments."""

from decimal import Decimal

import pytest

from capital.domain.allocation.gate import Thresholds
from capital.domain.allocation.transfers import may_be_a_transfer
from capital.domain.pools import Pool

DOLLARS = Thresholds(Decimal(10), Decimal("0.1"))


def balances(spot: str, futures: str) -> dict[Pool, Decimal]:
    return {Pool.SPOT: Decimal(spot), Pool.FUTURES: Decimal(futures)}


@pytest.mark.parametrize(
    ("now", "may_be"),
    [
        # Both moments are after the transfer; before it; and one of each.
        (("600", "900"), True),
        (("1000", "500"), False),
        (("1000", "900"), True),
        (("600", "500"), True),
        # Fees and prices take something off.
        (("600", "897.5"), True),
        (("1100", "400"), True),
        # Both rise, both fall; the other pool could not have paid.
        (("1100", "600"), False),
        (("900", "400"), False),
        (("1000", "1500"), True),
        (("1000", "1500.01"), False),
        (("1501", "500"), False),
        (("1500", "500"), True),
        # What makes no reallocation due.
        (("1000", "509.99"), False),
        (("1000", "510"), True),
        (("1000", "490"), True),
        (("1005", "495"), False),
    ],
)
def test_movements_that_may_be_a_transfer(now: tuple[str, str], may_be: bool) -> None:
    before = balances("1000", "500")

    assert may_be is may_be_a_transfer(before, balances(*now), thresholds=DOLLARS)


def test_small_part_of_a_pool_makes_nothing_due() -> None:
    before = balances("1000000", "1000000")

    assert not may_be_a_transfer(before, balances("1000000", "1000999"), thresholds=DOLLARS)
    assert may_be_a_transfer(before, balances("1000000", "1001001"), thresholds=DOLLARS)


def test_coins_have_no_smallest_amount_and_an_empty_pool_no_percentage() -> None:
    coins = Thresholds(None, Decimal("0.1"))

    assert may_be_a_transfer(balances("1", "0"), balances("1", "0.00000001"), thresholds=coins)
    assert not may_be_a_transfer(balances("1", "0"), balances("1", "0"), thresholds=coins)


@pytest.mark.parametrize("missing", list(Pool)[:2])
def test_pool_that_is_unknown_is_compared_with_nothing(missing: Pool) -> None:
    known = {pool: amount for pool, amount in balances("1000", "500").items() if pool != missing}
    moved = balances("600", "900")

    assert not may_be_a_transfer(known, moved, thresholds=DOLLARS)
    assert not may_be_a_transfer(balances("1000", "500"), known, thresholds=DOLLARS)
    unified = {Pool.UNIFIED: Decimal(5)}
    assert not may_be_a_transfer(unified, {Pool.UNIFIED: Decimal(9)}, thresholds=DOLLARS)

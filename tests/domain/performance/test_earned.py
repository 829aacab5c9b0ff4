"""What was earned: what fees and funding are of it, and what several days come to."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from capital.domain.performance.earned import Sums, after_costs, before_costs

D = Decimal


def day(**figures: Any) -> Any:
    """The figures of one day: of each that is not given, nothing."""
    nothing = dict.fromkeys(("realized", "fees", "funding", "volume"), D(0))
    return SimpleNamespace(**{**nothing, "fills": 0, "trades": 0, "fees_unvalued": {}, **figures})


@pytest.mark.parametrize(
    ("before", "fees", "funding", "after"),
    [
        ("100", "3", "0.5", "97.5"),  # fees paid, funding received
        ("100", "-3", "-0.5", "102.5"),  # a rebate, and funding paid
        ("0.000000000000000001", "0", "0", "0.000000000000000001"),
    ],
)
def test_costs_are_taken_off_and_put_back(before, fees, funding, after) -> None:
    costs = {"fees": D(fees), "funding": D(funding)}

    assert after_costs(D(before), **costs) == D(after)
    assert before_costs(D(after), **costs) == D(before)


def test_days_add_up_each_figure_by_itself() -> None:
    sums = Sums()
    first = {"realized": D(10), "fees": D(1), "funding": D("0.5"), "volume": D(1000)}
    sums.add(day(**first, fills=3, trades=1, fees_unvalued={"BNB": "0.01"}))
    second = {"realized": D(-4), "fees": D(2), "funding": D("-0.2"), "volume": D(500)}
    sums.add(day(**second, fills=2, trades=2, fees_unvalued={"BNB": D("0.02"), "OKB": "1"}))

    assert sums == Sums(
        realized=D(6),
        fees=D(3),
        funding=D("0.3"),
        volume=D(1500),
        fills=5,
        trades=3,
        fees_unvalued={"BNB": D("0.03"), "OKB": D(1)},
    )
    assert sums.earned == D("3.3")


def test_sums_share_nothing() -> None:
    one, other = Sums(), Sums()
    one.add(day(fees_unvalued={"BNB": "1"}))

    assert other == Sums()
    assert other.earned == 0

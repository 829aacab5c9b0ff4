"""A stake is the money from which a bot that rounds down gets the amount again."""

from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.sizing.instruments import InstrumentRules
from capital.domain.sizing.stakes import Stakes, stakes_of
from tests.domain.sizing.builders import D, decimals, inverse, linear, order, spot


def of(
    rules: InstrumentRules, amount: str, *, step: str, price: str = "100", leverage: str = "1"
) -> Stakes:
    return stakes_of(
        order(qty="1"),
        rules,
        amount=D(amount),
        step=D(step),
        price=D(price),
        leverage=D(leverage),
    )


def test_spot_is_told_by_its_value_with_half_a_step_more() -> None:
    found = of(spot(min_cost=D(10), max_amount=D("3.0005")), "2", step="0.001")

    assert found == Stakes(Fraction("200.05"), Fraction("0.1"), Fraction(10), Fraction(300))


def test_the_smallest_order_is_a_whole_number_of_steps() -> None:
    assert of(spot(min_cost=D("10.01")), "2", step="0.01").least == 11
    assert of(spot(min_amount=D("0.5"), min_cost=D(10)), "2", step="0.01").least == 50
    assert of(spot(), "2", step="0.01").least == 1


def test_contracts_are_told_by_their_margin() -> None:
    rules = linear(contract_size=D("0.01"), max_cost=D(905), max_amount=D(2000))

    assert of(rules, "30", step="1", leverage="3") == Stakes(
        Fraction("30.5") / 3, Fraction(1, 3), Fraction(1, 3), Fraction(905, 3)
    )
    assert of(inverse(), "3", step="1", leverage="2").stake == 175


def test_nothing_has_no_stake_and_what_nothing_bounds_no_most() -> None:
    found = of(spot(), "0", step="0.01")

    assert (found.stake, found.most) == (0, None)


@settings(max_examples=500)
@given(
    steps=st.integers(1, 10**6),
    step=st.sampled_from(["0.00001", "0.001", "0.1", "1"]),
    price=decimals("0.01", "200000", 2),
    leverage=st.sampled_from(["1", "3", "7", "20"]),
)
def test_a_bot_with_binary_numbers_gets_the_amount_again(
    steps: int, step: str, price: Decimal, leverage: str
) -> None:
    amount = D(steps) * D(step)
    found = of(spot(), str(amount), step=step, price=str(price), leverage=leverage)

    by_bot = float(found.stake) * float(leverage) / float(price)

    assert D(by_bot).quantize(D(step), rounding=ROUND_FLOOR) == amount


def test_without_the_half_step_a_step_would_be_lost() -> None:
    """What is guarded against: the exact value of an amount, in binary numbers."""
    price, lost = D("61234.5"), 0
    for steps in range(1, 1000):
        amount = D(steps) * D("0.001")
        by_bot = float(amount * price) / float(price)
        lost += D(by_bot).quantize(D("0.001"), ROUND_FLOOR) < amount

    assert lost > 0

"""Never more than what is free, and an exit is never cut."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.errors import OrderRefused
from capital.domain.reasons import Code
from capital.domain.sizing.available import Held, Room, after_reducing, free_capital, room_for
from capital.domain.sizing.instruments import LeverageBracket
from capital.domain.sizing.quantities import Bound, Sizing, size_entry
from tests.domain.sizing.builders import (
    D,
    instruments,
    linear,
    order,
    percents,
    prices,
    spot,
    terms,
    trading_terms,
)


def sized(room: Room | None, *, rules=None, of_link=None, held="0", **fields) -> Sizing:
    return size_entry(
        order(**fields),
        rules or spot(),
        of_link or terms("1000"),
        price=D("100"),
        held=D(held),
        room=room,
    )


def coins(**fields):
    """A contract of one coin, in steps of a tenth."""
    return linear(contract_size=D(1), amount_precision=D("0.1"), **fields)


def long(amount: str, in_use: str) -> Held:
    return Held(Fraction(amount), Fraction(in_use))


def free(amount: int) -> Callable[[Fraction], Fraction]:
    """So much is free now; what is given back comes on top."""
    return lambda given_back: amount + given_back


@pytest.mark.parametrize(
    ("lost", "in_use", "reserved", "free"),
    [
        ("0", 0, "0", 1000),
        ("100", 300, "50.5", Fraction(11, 2) * 100 - Fraction(1, 2)),
        ("600", 300, "200", 0),
    ],
)
def test_what_is_free_is_what_is_not_lost_in_use_or_reserved(lost, in_use, reserved, free) -> None:
    found = free_capital(D("1000"), lost=D(lost), in_use=Fraction(in_use), reserved=D(reserved))

    assert found == free


def test_a_budget_is_cut_to_what_is_free() -> None:
    sizing = sized(Room(Fraction(250)), qty_per="50")

    assert (sizing.amount, sizing.bound_by, sizing.budget) == (D("2.5"), Bound.AVAILABLE, 250)
    assert [warning.code for warning in sizing.warnings] == [Code.CUT_TO_AVAILABLE]
    assert sizing.warnings[0].figures == {"available": "250", "currency": "USDT"}


def test_a_budget_within_what_is_free_stays_as_it_is() -> None:
    sizing = sized(Room(Fraction(500)), qty_per="50")

    assert (sizing.amount, sizing.bound_by, sizing.warnings) == (D(5), Bound.BUDGET, ())


def test_with_nothing_free_nothing_is_ordered() -> None:
    sizing = sized(Room(Fraction(0)), qty_per="50")

    assert (sizing.amount, sizing.bound_by, sizing.code) == (
        0,
        Bound.AVAILABLE,
        Code.NOTHING_AVAILABLE,
    )


def test_a_quantity_above_what_is_free_is_refused_and_one_within_is_not() -> None:
    with pytest.raises(OrderRefused) as caught:
        sized(Room(Fraction(299)), qty="3")

    assert caught.value.reason.code is Code.ABOVE_AVAILABLE
    assert caught.value.reason.figures == {
        "cost": "300",
        "available": "299",
        "currency": "USDT",
    }
    assert sized(Room(Fraction(300)), qty="3").enlarging == 300


def test_an_exit_by_a_sell_on_a_one_way_account_needs_nothing() -> None:
    room = room_for("sell", long("3", "150"), free(0))

    sizing = sized(room, rules=coins(), of_link=terms("0"), held="3", side="sell", qty="3")

    assert (sizing.amount, sizing.enlarging, sizing.code) == (3, 0, Code.SIZED)


def test_an_exit_is_not_cut_by_a_bracket_that_the_position_fills() -> None:
    rules = coins(brackets=(LeverageBracket(D(5), max_notional=D(300)),))
    room = room_for("sell", long("3", "150"), free(0))

    sizing = sized(room, rules=rules, held="3", side="sell", qty="3")

    assert (sizing.amount, sizing.bound_by) == (3, Bound.QUANTITY)


def test_a_flip_closes_first_and_opens_with_what_that_frees() -> None:
    room = room_for("sell", long("3", "300"), free(100))

    # 3 of the 10 close; 4 more cost the 300 that were freed and the 100 that were free.
    sizing = sized(room, rules=coins(), held="3", side="sell", qty_per="100")

    assert (sizing.amount, sizing.bound_by) == (7, Bound.AVAILABLE)
    assert (sizing.reduces, sizing.enlarging) == (3, 400)


def test_a_small_exit_by_a_percentage_is_as_large_as_its_budget() -> None:
    room = room_for("sell", long("3", "300"), free(0))

    sizing = sized(room, rules=coins(), held="3", side="sell", qty_per="20")

    assert (sizing.amount, sizing.bound_by) == (2, Bound.BUDGET)
    assert (sizing.reduces, sizing.enlarging) == (2, 0)


def test_a_flip_within_what_is_free_is_bound_by_its_budget() -> None:
    room = room_for("sell", long("3", "300"), free(700))

    # 3 close, and with the 1,000 there would be 10 more: its budget buys 10 in all.
    sizing = sized(room, rules=coins(), held="3", side="sell", qty_per="100")

    assert (sizing.amount, sizing.bound_by) == (10, Bound.BUDGET)
    assert (sizing.reduces, sizing.enlarging) == (3, 700)


def test_a_flip_by_quantity_is_refused_beyond_what_it_frees() -> None:
    room = room_for("sell", long("3", "300"), free(100))

    fits = sized(room, rules=coins(), held="3", side="sell", qty="7")
    assert (fits.reduces, fits.enlarging) == (3, 400)
    with pytest.raises(OrderRefused) as caught:
        sized(room, rules=coins(), held="3", side="sell", qty="7.1")
    assert caught.value.reason.code is Code.ABOVE_AVAILABLE
    assert caught.value.reason.figures == {"cost": "410", "available": "400", "currency": "USDT"}


def test_an_order_along_a_position_reduces_nothing() -> None:
    assert room_for("buy", long("3", "300"), free(5)) == Room(Fraction(5))
    assert room_for("sell", Held(Fraction(-3), Fraction(300)), free(5)) == Room(Fraction(5))
    assert room_for("sell", None, free(5)) == Room(Fraction(5))


def test_reducing_frees_its_share_and_no_more_than_all() -> None:
    assert after_reducing(long("4", "100"), Fraction(1)) == long("3", "75")
    assert after_reducing(Held(Fraction(-4), Fraction(100)), Fraction(9)) == long("0", "0")


@settings(max_examples=200)
@given(
    data=st.data(),
    instrument=instruments(),
    price=prices,
    percent=percents,
    budget=st.fractions(min_value=0, max_value=10**6, max_denominator=1000),
    closes=st.fractions(min_value=0, max_value=1000, max_denominator=100),
)
def test_what_enlarges_never_costs_more_than_is_free(
    data, instrument, price, percent, budget, closes
) -> None:
    of_link = data.draw(trading_terms(instrument.kind))
    room = Room(budget, closes)

    sizing = size_entry(
        order(qty_per=percent), instrument, of_link, price=price, held=Decimal(0), room=room
    )

    assert sizing.enlarging <= budget
    assert 0 <= sizing.reduces <= min(sizing.amount, closes)
    assert sizing.cost.total <= sizing.budget <= of_link.budget(percent)

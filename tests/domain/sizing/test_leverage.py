"""Leverage is bounded by what the venue allows, at most and by the size of a position."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.reasons import Code, Reason
from capital.domain.sizing.available import Room
from capital.domain.sizing.instruments import AmountUnit, LeverageBracket
from capital.domain.sizing.leverage import LeverageSteps
from capital.domain.sizing.quantities import Bound, size_close, size_entry
from tests.domain.sizing.builders import D, decimals, inverse, linear, order, prices, spot, terms

# Up to 50,000 fiftyfold, up to 250,000 25-fold, above that tenfold.
BRACKETS = (
    LeverageBracket(D(50), max_notional=D(50000)),
    LeverageBracket(D(25), max_notional=D(250000)),
    LeverageBracket(D(10)),
)


def entry(rules, capital="5000", *, leverage="125", price="0.25", held="0", room=None, **fields):
    asked = order(**{"qty_per": "100", **fields})
    of_link = terms(capital, leverage=leverage, fee_rate="0")
    return size_entry(asked, rules, of_link, price=D(price), held=D(held), room=room)


def coins(**fields):
    return linear(contract_size=D(1), **fields)


def capped(sizing):
    return [each.figures for each in sizing.warnings if each.code is Code.LEVERAGE_CAPPED]


def test_a_link_with_125_on_a_market_that_allows_50_is_sized_with_50():
    sizing = entry(coins(max_leverage=D(50)))

    # Not the 2,500,000 of 125.
    assert (sizing.amount, sizing.leverage, sizing.cost.margin) == (1000000, 50, 5000)
    assert capped(sizing) == [{"asked": "125", "limit": "50"}]


def test_okx_lists_20_where_a_link_wants_125():
    """1,000 at 3.66, ten coins a contract: not 3,415 contracts of 124,989."""
    sizing = entry(linear(contract_size=D(10), max_leverage=D(20)), "1000", price="3.66")

    assert (sizing.amount, sizing.leverage) == (546, 20)
    assert sizing.cost.notional == Fraction("19983.6")


@pytest.mark.parametrize("asked", [{}, {"qty_per": None, "stake": "5000"}])
def test_what_an_order_reduces_fills_no_bracket(asked):
    """A short of 300,000 is closed, and what goes beyond opens up to the end of the bracket."""
    rules = coins(brackets=(LeverageBracket(D(50), max_notional=D(50000)),))
    room = Room(Fraction(5000), reduces=Fraction(300000))

    sizing = entry(rules, held="-300000", room=room, **asked)

    assert (sizing.amount, sizing.reduces, sizing.enlarging) == (500000, 300000, 1000)
    assert (sizing.bound_by, sizing.leverage) == (
        Bound.STAKE if asked else Bound.LEVERAGE,
        50,
    )


@pytest.mark.parametrize("asked", [{"qty_per": "25"}, {"qty_per": None, "stake": "1250"}])
def test_an_exit_larger_than_all_brackets_is_not_cut(asked):
    rules = coins(brackets=(LeverageBracket(D(50), max_notional=D(50000)),))
    room = Room(Fraction(5000), reduces=Fraction(300000))

    sizing = entry(rules, held="-300000", room=room, **asked)

    assert (sizing.amount, sizing.enlarging) == (250000, 0)
    assert sizing.bound_by is (Bound.STAKE if "stake" in asked else Bound.BUDGET)


def test_a_leverage_below_the_maximum_is_used_without_a_word():
    sizing = entry(coins(max_leverage=D(50)), leverage="3")

    assert (sizing.leverage, capped(sizing)) == (3, [])


@pytest.mark.parametrize(
    ("told", "leverage", "is_warned"),
    [
        ({}, "3", True),
        ({}, "1", False),
        ({"max_leverage": D(50)}, "3", False),
        ({"brackets": (LeverageBracket(D(50)),)}, "3", False),
    ],
)
def test_a_leverage_that_nobody_bounds_is_used_with_a_word(told, leverage, is_warned):
    sizing = entry(coins(**told), leverage=leverage)

    unchecked = Reason(Code.LEVERAGE_UNCHECKED, {"asked": leverage, "symbol": coins().symbol})
    assert sizing.leverage == D(leverage)
    assert (unchecked in sizing.warnings) is is_warned


def test_an_order_of_nothing_is_not_warned_of():
    assert entry(coins(), "0.01", price="100", leverage="3").warnings == ()


def test_spot_knows_no_leverage():
    sizing = entry(spot(max_leverage=D("0.5"), brackets=BRACKETS), leverage="1", price="100")

    assert (sizing.amount, sizing.leverage, capped(sizing)) == (50, 1, [])


@pytest.mark.parametrize(
    ("capital", "notional", "leverage"),
    [
        # 1,000 fiftyfold are 50,000, the end of the first bracket.
        ("1000", 50000, 50),
        # 1,500 fiftyfold would be 75,000; 25-fold they are 37,500, less than 50,000 fiftyfold.
        ("1500", 50000, 50),
        ("5000", 125000, 25),
        # 25-fold up to 250,000; tenfold only from 25,000 on.
        ("12000", 250000, 25),
        ("50000", 500000, 10),
    ],
)
def test_a_larger_position_has_a_lower_leverage(capital, notional, leverage):
    sizing = entry(coins(brackets=BRACKETS), capital, price="1")

    assert (sizing.cost.notional, sizing.leverage) == (notional, leverage)
    assert sizing.cost.margin <= D(capital)


def test_the_end_of_a_bracket_is_what_bounds_it():
    assert entry(coins(brackets=BRACKETS), "1500", price="1").bound_by is Bound.LEVERAGE
    assert entry(coins(brackets=BRACKETS), "5000", price="1").bound_by is Bound.BUDGET


def test_what_is_held_fills_brackets_as_well():
    alone = entry(coins(brackets=BRACKETS), "1000", price="1")
    with_more = entry(coins(brackets=BRACKETS), "1000", price="1", held="40000")

    assert (alone.leverage, with_more.leverage) == (50, 25)
    assert with_more.amount == 25000


def test_the_last_bracket_may_have_an_end():
    rules = coins(brackets=BRACKETS[:2])

    assert entry(rules, "900000", price="1").amount == 250000
    quantity = entry(rules, "900000", price="1", qty_per=None, qty="300000")
    assert (quantity.amount, quantity.bound_by) == (250000, Bound.LEVERAGE)


def test_an_absolute_quantity_ties_up_the_margin_of_its_bracket():
    sizing = entry(coins(brackets=BRACKETS), "9000", price="1", qty_per=None, qty="200000")

    assert (sizing.amount, sizing.leverage, sizing.cost.margin) == (200000, 25, 8000)


def test_brackets_may_be_by_amount():
    rules = linear(brackets=(LeverageBracket(D(50), max_amount=D(100)), LeverageBracket(D(5))))

    # 100 contracts of 0.01 at 1,000 are 1,000, of which 20 are margin.
    sizing = entry(rules, "50", price="1000")

    assert (sizing.amount, sizing.leverage) == (100, 50)


def test_brackets_of_an_inverse_contract_may_be_in_its_coin():
    rules = inverse(
        brackets=(
            LeverageBracket(D(50), max_settled=D(2)),
            LeverageBracket(D(10), max_settled=D(9)),
        )
    )
    size = rules.contract_size

    # 0.04 coins fiftyfold are the 2 coins of the first bracket: 100,000 at 50,000.
    for capital, coins_worth, leverage in (("0.04", 2, 50), ("0.5", 5, 10), ("3", 9, 10)):
        sizing = entry(rules, capital, price="50000")
        assert (sizing.amount * size, sizing.leverage) == (coins_worth * 50000, leverage)


def test_closing_is_bounded_by_no_leverage():
    rules = coins(max_leverage=D(1), brackets=BRACKETS[:1])
    asked = order(side="sell", qty_per="-100")

    sizing = size_close(asked, rules, terms("0", leverage="125"), price=D(1), held=D(900000))

    assert (sizing.amount, sizing.warnings) == (900000, ())


@given(
    capital=decimals("0", "1000000", 2),
    more=decimals("0", "1000000", 2),
    price=prices,
    leverage=decimals("0.1", "125", 4),
    held=decimals("-100000", "100000", 2),
    ends=st.lists(decimals("1", "1000000", 2), min_size=1, max_size=4, unique=True),
)
def test_brackets_never_cost_more_than_the_budget_nor_give_less_for_more(
    capital, more, price, leverage, held, ends
):
    brackets = tuple(
        LeverageBracket(D(100) / 2**level, max_notional=end)
        for level, end in enumerate(sorted(ends))
    )
    rules = coins(brackets=(*brackets, LeverageBracket(D(1))), amount_precision=D("0.0001"))

    less, larger = (
        entry(rules, str(each), price=str(price), leverage=str(leverage), held=str(held))
        for each in (capital, capital + more)
    )

    assert less.cost.total <= Fraction(capital)
    assert less.amount <= larger.amount
    assert less.leverage <= Decimal(leverage)
    taken = (abs(Fraction(held)) + Fraction(less.amount)) * Fraction(price)
    for bracket in brackets:
        if less.amount and taken > bracket.max_notional:
            assert less.leverage < bracket.leverage or less.leverage == Decimal(leverage)


@pytest.mark.parametrize(("unit", "largest"), [(AmountUnit.CONTRACTS, 1), (AmountUnit.BASE, 2)])
def test_a_bracket_in_coins_is_counted_as_orders_are(unit, largest):
    """Up to 2 coins: at 50 a coin that is one contract of 100, or 2 coins."""
    rules = inverse(amount_unit=unit, brackets=(LeverageBracket(D(10), max_settled=D(2)),))

    steps = LeverageSteps(rules, terms("1000", leverage="10"), price=D(50), held=D(0))

    assert steps.largest == largest

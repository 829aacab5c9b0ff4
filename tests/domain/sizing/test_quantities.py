"""How much an order gets: entries, absolute quantities and closes, and what holds for all."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from capital.domain.errors import InvalidOrder, OrderRefused
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.instruments import InstrumentKind, LeverageBracket
from capital.domain.sizing.quantities import Bound, Sizing, size_close, size_entry
from capital.domain.sizing.rounding import round_down
from tests.domain.sizing.builders import (
    D,
    decimals,
    instruments,
    inverse,
    linear,
    order,
    percents,
    prices,
    spot,
    terms,
    trading_terms,
)


def entry(rules=None, of_link=None, *, price="100", held="0", **fields) -> Sizing:
    return size_entry(
        order(**fields), rules or spot(), of_link or terms("1000"), price=D(price), held=D(held)
    )


def close(rules=None, *, held="2", price="100", **fields) -> Sizing:
    return size_close(
        order(**{"side": "sell", **fields}),
        rules or spot(),
        terms("1000", fee_rate="0.001"),
        price=None if price is None else D(price),
        held=D(held),
    )


def codes(sizing: Sizing) -> list[Code]:
    return [warning.code for warning in sizing.warnings]


# What holds for every market


@settings(max_examples=300)
@given(data=st.data(), instrument=instruments(), price=prices, percent=percents)
def test_cost_and_fee_never_pass_the_budget(data, instrument, price, percent):
    of_link = data.draw(trading_terms(instrument.kind))
    kind = data.draw(st.sampled_from(["MARKET", "LIMIT", "STOP_MARKET"]))

    sizing = entry(instrument, of_link, price=price, qty_per=percent, order_type=kind)

    assert sizing.cost.total <= sizing.budget == of_link.budget(percent)
    assert sizing.cost.total <= of_link.budget(percent) * Fraction(of_link.utilisation)


@settings(max_examples=300)
@given(data=st.data(), instrument=instruments(), price=prices, percent=percents)
def test_a_quantity_is_a_multiple_of_the_step_and_within_the_limits(
    data, instrument, price, percent
):
    of_link = data.draw(trading_terms(instrument.kind))

    sizing = entry(instrument, of_link, price=price, qty_per=percent)

    if not sizing.amount:
        assert sizing.code is not Code.SIZED
        return
    amount = Fraction(sizing.amount)
    assert amount % Fraction(sizing.step) == 0
    assert (
        round_down(amount, instrument.precision_mode, instrument.amount_precision) == sizing.amount
    )
    least, most = instrument.amount_bounds(is_market=True)
    assert least is None or amount >= least
    assert most is None or amount <= most
    worth = amount * Fraction(instrument.contract_size)
    if instrument.kind is not InstrumentKind.INVERSE:
        worth *= Fraction(price)
    assert instrument.min_cost is None or worth >= instrument.min_cost
    assert instrument.max_cost is None or worth <= instrument.max_cost


@settings(max_examples=300)
@given(
    data=st.data(),
    instrument=instruments(),
    price=prices,
    percent=percents,
    more=decimals("0", "1000000", 8),
)
def test_more_capital_never_gives_less(data, instrument, price, percent, more):
    less_of = data.draw(trading_terms(instrument.kind))
    more_of = replace(less_of, capital=less_of.capital + more)
    asked = {"price": price, "qty_per": percent}
    if data.draw(st.booleans()):
        asked |= {"risk_per": "1", "stop_price": price / 2}

    amounts = [entry(instrument, of_link, **asked).amount for of_link in (less_of, more_of)]

    assert amounts[0] <= amounts[1]


@given(data=st.data(), instrument=instruments(), price=prices, risk=percents)
def test_a_risk_never_passes_the_capital_nor_itself(data, instrument, price, risk):
    of_link = data.draw(trading_terms(instrument.kind))

    sizing = entry(instrument, of_link, price=price, risk_per=risk, stop_price=price / 2)

    assert sizing.cost.total <= Fraction(of_link.capital)
    if instrument.kind is not InstrumentKind.INVERSE:
        loss = Fraction(sizing.amount) * Fraction(instrument.contract_size) * Fraction(price) / 2
        assert loss <= of_link.budget(risk)


@given(
    instrument=instruments(),
    held=decimals("-1000", "1000", 6),
    percent=decimals("0.0001", "400", 4),
    price=prices,
)
def test_a_close_never_turns_the_position_round(instrument, held, percent, price):
    assume(held)
    side = "sell" if held > 0 else "buy"

    sizing = close(instrument, held=held, side=side, qty_per=-percent, price=price)

    assert Fraction(sizing.amount) * instrument.quantity_of_one <= abs(Fraction(held))
    assert sizing.reduce_only
    assert sizing.budget is None
    assert sizing.cost.margin == 0


# Entries


def test_a_step_of_half_gives_multiples_of_half():
    assert entry(spot(amount_precision=D("0.5")), qty_per="74", price="100").amount == 7


def test_utilisation_leaves_a_part_of_the_budget():
    sizing = entry(of_link=terms("1000", utilisation="0.5"), qty_per="100")

    assert (sizing.amount, sizing.budget) == (5, 1000)


@pytest.mark.parametrize(
    ("limits", "code", "bound", "figures"),
    [
        (
            {"amount_precision": D(20)},
            Code.BELOW_STEP,
            Bound.STEP,
            {"quantity": "10", "limit": "20"},
        ),
        (
            {"min_amount": D(11)},
            Code.BELOW_MIN_AMOUNT,
            Bound.MIN_AMOUNT,
            {"quantity": "10", "limit": "11"},
        ),
        (
            {"market_min_amount": D(11)},
            Code.BELOW_MIN_AMOUNT,
            Bound.MIN_AMOUNT,
            {"quantity": "10", "limit": "11"},
        ),
        (
            {"min_cost": D("1000.01")},
            Code.BELOW_MIN_COST,
            Bound.MIN_COST,
            {"cost": "1000", "currency": "USDT", "limit": "1000.01"},
        ),
    ],
)
def test_too_small_is_nothing_with_the_limit_that_it_missed(limits, code, bound, figures):
    sizing = entry(spot(**limits), qty_per="100")

    assert (sizing.amount, sizing.code, sizing.bound_by) == (0, code, bound)
    assert sizing.figures == figures
    assert sizing.raw_amount == 10
    assert sizing.cost.total == 0


@pytest.mark.parametrize(
    ("limits", "code", "figures"),
    [
        ({"amount_precision": D(2000)}, Code.BELOW_STEP, {"quantity": "10", "limit": "20"}),
        ({"min_amount": D(1100)}, Code.BELOW_MIN_AMOUNT, {"quantity": "10", "limit": "11"}),
        ({"max_amount": D(400)}, Code.CAPPED_BY_MAX_AMOUNT, {"limit": "4"}),
    ],
)
def test_limits_of_contracts_are_told_in_base_units(limits, code, figures):
    # The capital buys 1000 contracts of 0.01.
    sizing = entry(linear(**limits), qty_per="100")

    told = sizing.warnings or [Reason(sizing.code, sizing.figures)]
    assert [(reason.code, reason.figures) for reason in told] == [(code, figures)]


@pytest.mark.parametrize(
    ("limits", "code", "figures"),
    [
        ({"min_amount": D(11)}, Code.BELOW_MIN_AMOUNT, {"quantity": "10", "limit": "11"}),
        ({"max_amount": D(4)}, Code.CAPPED_BY_MAX_AMOUNT, {"limit": "4"}),
    ],
)
def test_limits_of_inverse_contracts_are_told_in_contracts(limits, code, figures):
    # A contract of 100 USD is one coin here, and the capital is ten.
    sizing = entry(inverse(**limits), terms("10"), qty_per="100")

    told = sizing.warnings or [Reason(sizing.code, sizing.figures)]
    assert [(reason.code, reason.figures) for reason in told] == [(code, figures)]


def test_the_venue_s_most_is_met_and_said():
    sizing = entry(spot(max_amount=D(4)), qty_per="100")

    assert (sizing.amount, sizing.code, sizing.bound_by) == (4, Code.SIZED, Bound.MAX_AMOUNT)
    assert codes(sizing) == [Code.CAPPED_BY_MAX_AMOUNT]


def test_the_most_of_a_market_order_does_not_bind_a_limit_order():
    rules = spot(max_amount=D(9), market_max_amount=D(4))

    assert entry(rules, qty_per="100", order_type="MARKET").amount == 4
    assert entry(rules, qty_per="100", order_type="LIMIT").amount == 9


def test_the_most_of_a_market_sale_does_not_bind_a_purchase():
    rules = linear(contract_size=D(1), market_sell_max_amount=D(4))

    assert entry(rules, qty_per="100", side="sell").amount == 4
    assert entry(rules, qty_per="100", side="buy").amount == 10
    assert close(rules, held="9", qty_per="-100").amount == 4


@pytest.mark.parametrize(
    ("of_link", "percent", "is_said"),
    [
        (terms("1000"), "100", True),
        (terms("1000"), "99.99", False),
        (terms("1000", fee_rate="0.001"), "100", False),
        (terms("1000", utilisation="0.99"), "100", False),
        (terms("0"), "100", False),
    ],
)
def test_who_spends_all_without_a_fee_is_told(of_link, percent, is_said):
    sizing = entry(of_link=of_link, qty_per=percent)

    found = [each for each in sizing.warnings if each.code is Code.NO_ROOM_FOR_FEES]
    assert [each.figures for each in found] == ([{"percent": percent}] if is_said else [])


def test_the_venue_s_dearest_order_is_met_and_said():
    sizing = entry(spot(max_cost=D(250)), qty_per="100")

    assert (sizing.amount, sizing.bound_by) == (D("2.5"), Bound.MAX_COST)
    assert codes(sizing) == [Code.CAPPED_BY_MAX_COST]

    rules = linear(contract_size=D(1), market_buy_max_cost=D(250))
    assert entry(rules, qty_per="100", side="buy").amount == 2
    assert entry(rules, qty_per="100", side="sell").amount == 10


def test_no_capital_is_nothing_and_says_so():
    sizing = entry(of_link=terms("0"), qty_per="100")

    assert (sizing.amount, sizing.code, sizing.bound_by) == (0, Code.NO_CAPITAL, Bound.CAPITAL)


def test_qty_per_wins_over_qty_with_a_warning():
    sizing = entry(qty_per="10", qty="5")

    assert sizing.amount == 1
    assert codes(sizing) == [Code.QTY_IGNORED]
    assert sizing.warnings[0].figures == {"wins": "qty_per"}


def test_a_risk_bounds_the_quantity():
    sizing = entry(risk_per="1", stop_price="95")

    assert (sizing.amount, sizing.bound_by, sizing.budget) == (2, Bound.RISK, 1000)


def test_a_risk_with_a_near_stop_is_bounded_by_the_capital():
    sizing = entry(risk_per="1", stop_price="99.9")

    assert (sizing.amount, sizing.bound_by) == (10, Bound.BUDGET)


def test_a_risk_alone_never_spends_more_than_the_capital_whatever_is_allowed():
    generous = terms("1000", max_budget_percent="300")

    assert entry(of_link=generous, risk_per="50", stop_price="99").amount == 10


def test_a_risk_beside_qty_per_is_bounded_by_it():
    assert entry(risk_per="50", qty_per="20", stop_price="99").amount == 2


@pytest.mark.parametrize(("side", "stop"), [("buy", "100"), ("buy", "101"), ("sell", "99")])
def test_a_stop_that_loses_nothing_is_refused(side, stop):
    with pytest.raises(InvalidOrder) as caught:
        entry(linear(), risk_per="1", side=side, stop_price=stop)

    assert caught.value.code is Code.STOP_ON_WRONG_SIDE
    assert caught.value.field == "stop_price"


# Absolute quantities


def test_an_absolute_quantity_is_rounded_only():
    sizing = entry(spot(amount_precision=D("0.5")), qty="3.9")

    assert (sizing.amount, sizing.bound_by, sizing.raw_amount) == (
        D("3.5"),
        Bound.QUANTITY,
        Fraction(39, 10),
    )


def test_an_absolute_quantity_is_in_base_units_on_linear_markets():
    assert entry(linear(), qty="0.239", price="100").amount == 23


def test_an_absolute_quantity_that_costs_more_than_the_capital_is_refused():
    with pytest.raises(OrderRefused) as caught:
        entry(of_link=terms("1000", fee_rate="0.001"), qty="10")

    assert (caught.value.code, caught.value.field) == (Code.BUDGET_ABOVE_LIMIT, "qty")
    assert caught.value.reason.figures == {"percent": "100.1", "limit": "100"}

    with pytest.raises(OrderRefused) as caught:
        entry(of_link=terms("1000", fee_rate="0.001"), qty="11.1111")
    assert caught.value.reason.figures == {"percent": "111.22", "limit": "100"}


def test_an_absolute_quantity_of_a_small_capital_is_sized():
    assert entry(of_link=terms("1"), qty="0.005").amount == D("0.005")


def test_an_absolute_quantity_that_is_worth_too_little_is_nothing():
    sizing = entry(spot(min_cost=D(5)), qty="0.04")

    assert (sizing.amount, sizing.code) == (0, Code.BELOW_MIN_COST)


@pytest.mark.parametrize("rules", [spot(), linear()])
def test_an_absolute_quantity_without_capital_is_nothing_and_says_so(rules):
    sizing = entry(rules, terms("0", fee_rate="0.001"), qty="3")

    assert (sizing.amount, sizing.code, sizing.bound_by) == (0, Code.NO_CAPITAL, Bound.CAPITAL)
    assert (sizing.raw_amount * rules.quantity_of_one, sizing.budget) == (3, 0)
    assert sizing.cost.total == 0


def test_leverage_counts_for_an_absolute_quantity():
    assert entry(linear(contract_size=D(1)), terms("1000", leverage="2"), qty="20").amount == 20


def test_an_absolute_quantity_up_to_the_end_of_a_bracket_is_sized_as_asked():
    rules = linear(contract_size=D(1), brackets=(LeverageBracket(D(2), max_amount=D(20)),))
    of_link = terms("1000", leverage="2")

    asked = entry(rules, of_link, qty="20")
    assert (asked.amount, asked.bound_by, codes(asked)) == (20, Bound.QUANTITY, [])
    more = entry(rules, of_link, qty="21")
    assert (more.amount, more.bound_by) == (20, Bound.LEVERAGE)


def test_an_absolute_quantity_says_that_the_venue_allows_less_leverage():
    sizing = entry(
        linear(contract_size=D(1), max_leverage=D(2)), terms("1000", leverage="5"), qty="3"
    )

    assert (sizing.amount, sizing.leverage) == (3, 2)
    assert sizing.warnings == (Reason(Code.LEVERAGE_CAPPED, {"asked": "5", "limit": "2"}),)


@pytest.mark.parametrize(
    ("rules", "stake_of", "amount", "notional"),
    [
        # 300 at 100: three coins, or nine with the leverage of 3.
        (linear(contract_size=D("0.01")), "notional", "300", 300),
        (linear(contract_size=D("0.01")), "margin", "900", 900),
        (linear(contract_size=D("0.01")), None, "900", 900),
        (linear(contract_size=D("0.01"), max_leverage=D(2)), "margin", "600", 600),
        # Contracts of 100 dollars; their value is in coins.
        (inverse(), "notional", "3", 3),
        (inverse(), "margin", "9", 9),
    ],
)
def test_a_stake_is_the_margin_or_the_value_in_the_quote_currency(
    rules, stake_of, amount, notional
):
    sizing = entry(rules, terms("1000", leverage="3"), stake="300", stake_of=stake_of)

    assert (sizing.amount, sizing.bound_by) == (D(amount), Bound.STAKE)
    assert sizing.cost.notional == notional


def test_a_stake_on_spot_is_its_value_and_is_rounded_down():
    rules = spot(amount_precision=D("0.001"))

    for stake_of in ("margin", "notional"):
        sizing = entry(rules, stake="300", stake_of=stake_of, price="70000")
        assert (sizing.amount, sizing.cost.notional) == (D("0.004"), 280)


def test_a_stake_above_what_may_be_spent_is_refused_by_its_name():
    with pytest.raises(OrderRefused) as refused:
        entry(stake="1000.01")

    assert (refused.value.code, refused.value.field) == (Code.BUDGET_ABOVE_LIMIT, "stake")


def test_a_stake_ends_with_the_last_bracket():
    rules = linear(brackets=(LeverageBracket(D(3), max_notional=D(450)),))

    assert entry(rules, terms("1000", leverage="3"), stake="300").amount == 450


def test_a_stake_that_only_leaves_fills_no_bracket():
    rules = linear(brackets=(LeverageBracket(D(3), max_notional=D(450)),))

    leaves = entry(
        rules, terms("1000", leverage="3"), stake="300", side="sell", position_side="long"
    )

    assert leaves.amount == 900


def test_an_absolute_spot_sale_spends_nothing():
    sizing = entry(of_link=terms("0", fee_rate="0.001"), side="sell", qty="3", held="5")

    assert (sizing.amount, sizing.budget, sizing.cost.margin) == (3, None, 0)
    assert sizing.cost.fee == Fraction(3, 10)
    assert sizing.leverage == 1
    assert codes(sizing) == []
    assert codes(entry(side="sell", qty="3", held="3")) == []


def test_an_absolute_spot_sale_of_more_than_is_held_says_so():
    assert codes(entry(side="sell", qty="3", held="2")) == [Code.MORE_THAN_HELD]


# Closes


@pytest.mark.parametrize(("percent", "expected"), [("-100", "2"), ("-50", "1"), ("-0.5", "0.01")])
def test_a_close_is_a_share_of_the_position(percent, expected):
    sizing = close(qty_per=percent)

    assert (sizing.amount, sizing.bound_by, sizing.code) == (
        D(expected),
        Bound.POSITION,
        Code.SIZED,
    )
    assert codes(sizing) == []


def test_more_than_the_position_becomes_all_of_it_with_a_warning():
    sizing = close(qty_per="-250")

    assert sizing.amount == 2
    assert codes(sizing) == [Code.CLOSE_CAPPED]
    assert sizing.warnings[0].figures == {"asked": "250"}


def test_a_share_wins_over_a_quantity_where_a_position_is_closed_too():
    sizing = close(qty_per="-50", qty="9")

    assert sizing.amount == 1
    assert [(each.code, each.figures) for each in sizing.warnings] == [
        (Code.QTY_IGNORED, {"wins": "qty_per"})
    ]


def test_a_short_is_closed_by_buying_it_back():
    assert close(linear(), held="-0.23", side="buy", qty_per="-100").amount == 23


@pytest.mark.parametrize(("held", "side"), [("2", "buy"), ("-2", "sell")])
def test_a_close_on_the_position_s_own_side_is_refused(held, side):
    with pytest.raises(OrderRefused) as caught:
        close(held=held, side=side, qty_per="-100")

    assert caught.value.code is Code.CLOSE_ON_WRONG_SIDE
    assert caught.value.field == "side"
    right = "sell" if side == "buy" else "buy"
    figures = {"position": held, "symbol": "BTC/USDT", "side": right}
    assert caught.value.reason.figures == figures


def test_there_must_be_something_to_close():
    with pytest.raises(OrderRefused) as caught:
        close(held="0", qty_per="-100")

    assert (caught.value.code, caught.value.field) == (Code.NOTHING_TO_CLOSE, "symbol")
    assert caught.value.reason.figures == {"symbol": "BTC/USDT"}


def test_dust_can_be_closed_as_a_whole_but_not_in_part():
    rules = spot(min_cost=D(10))

    assert close(rules, held="0.01", qty_per="-100").amount == D("0.01")
    assert close(rules, held="0.01", qty_per="-100.5").amount == D("0.01")
    assert close(rules, held="0.01", qty_per="-99").code is Code.BELOW_MIN_COST


@pytest.mark.parametrize(("least", "code"), [("50", Code.SIZED), ("50.01", Code.BELOW_MIN_COST)])
def test_part_of_a_position_that_is_worth_the_least_cost_is_closed(least, code):
    assert close(spot(min_cost=D(least)), held="1", price="100", qty_per="-50").code is code


def test_dust_below_the_smallest_order_cannot_be_sent():
    assert close(spot(min_amount=D("0.1")), held="0.01", qty_per="-100").code is (
        Code.BELOW_MIN_AMOUNT
    )


def test_what_is_no_whole_step_stays_open_and_is_said():
    sizing = close(held="2.000004", qty_per="-100")

    assert sizing.amount == 2
    assert codes(sizing) == [Code.CLOSE_LEAVES_REST]
    assert sizing.warnings[0].figures == {"rest": "0.000004"}


def test_a_close_needs_no_price():
    sizing = close(spot(min_cost=D(10)), price=None, qty_per="-100")

    assert (sizing.amount, sizing.cost) == (2, None)


def test_without_a_price_the_least_cost_of_a_partial_close_is_not_checked():
    rules = spot(min_cost=D(10))

    assert close(rules, held="0.01", price="100", qty_per="-50").code is Code.BELOW_MIN_COST
    sizing = close(rules, held="0.01", price=None, qty_per="-50")

    assert (sizing.amount, sizing.code, sizing.cost) == (D("0.005"), Code.SIZED, None)


def test_a_close_takes_its_fee_and_no_margin():
    cost = close(qty_per="-100").cost

    assert (cost.notional, cost.margin, cost.fee) == (200, 0, Fraction(1, 5))


def test_a_close_larger_than_one_order_is_cut_and_said():
    sizing = close(spot(max_amount=D("1.5")), qty_per="-100")

    assert (sizing.amount, codes(sizing)) == (D("1.5"), [Code.CAPPED_BY_MAX_AMOUNT])


def test_nothing_is_rounded_on_the_way_with_sixty_digits():
    long = Decimal("0." + "1" * 59)

    sizing = entry(
        spot(amount_precision=D("1e-18")), terms(str(long)), price=str(long), qty_per="100"
    )

    assert sizing.amount == 1

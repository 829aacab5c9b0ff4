"""The worked figures, and what the formulas promise for all others."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.sizing.formulas import amount_for_budget, amount_for_risk, cost_of
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.quantities import size_entry
from tests.domain.sizing.builders import (
    D,
    instruments,
    inverse,
    linear,
    order,
    prices,
    spot,
    terms,
    trading_terms,
)


def test_the_worked_linear_contract_is_23():
    sizing = size_entry(
        order(qty_per="100"),
        linear(),
        terms("5000", leverage="3", utilisation="0.95", fee_rate="0.0005"),
        price=D("61234.5"),
        held=D(0),
    )

    assert sizing.amount == 23


def test_the_worked_inverse_contract_is_871():
    sizing = size_entry(
        order(qty_per="100"),
        inverse(),
        terms("0.5", leverage="3", utilisation="0.95", fee_rate="0.0005"),
        price=D("61234.5"),
        held=D(0),
    )

    assert sizing.amount == 871


def test_the_worked_spot_order_is_0_16070():
    sizing = size_entry(
        order(qty_per="100"),
        spot(),
        terms("10369", utilisation="0.95", fee_rate="0.001"),
        price=D("61234.5"),
        held=D(0),
    )

    assert str(sizing.amount) == "0.16070"


def test_an_exact_case_stays_exact():
    """1 × 3 ÷ (300 × 0.01) is 1, where rounding on the way gives 0.999…"""
    sizing = size_entry(
        order(qty_per="100"), linear(), terms("1", leverage="3"), price=D(300), held=D(0)
    )

    assert sizing.raw_amount == 1
    assert sizing.amount == 1


def test_without_fee_and_with_full_use_it_is_the_plain_formula():
    """capital × qty_per % ÷ price × leverage."""
    amount = amount_for_budget(
        terms("5000").budget(D(40)), linear(contract_size=D(1)), terms("5000", leverage="7"), D(250)
    )

    assert amount == Fraction(5000 * 40 * 7, 100 * 250)


def test_leverage_of_spot_is_one_and_its_cost_is_its_worth():
    cost = cost_of(D("0.5"), spot(), terms("1000", fee_rate="0.001"), D(200))

    assert (cost.notional, cost.margin, cost.fee) == (100, 100, Fraction(1, 10))


def test_a_linear_risk_loses_its_percentage_with_both_fees():
    """1 % of 10,000 is 100; each coin loses 1,000 and 0.001 × (50,000 + 49,000)."""
    amount = amount_for_risk(
        D(1), spot(), terms("10000", fee_rate="0.001"), entry=D(50000), stop=D(49000)
    )

    assert amount == Fraction(100) / (1000 + 99)


def test_an_inverse_risk_loses_its_percentage_in_the_coin():
    """1 % of 0.5 BTC is 0.005; each contract loses 100/40,000 - 100/50,000 = 0.0005 BTC."""
    amount = amount_for_risk(D(1), inverse(), terms("0.5"), entry=D(50000), stop=D(40000))

    assert amount == 10


@given(data=st.data(), instrument=instruments(), price=prices)
def test_what_a_budget_buys_costs_exactly_its_used_part(data, instrument, price):
    of_link = data.draw(trading_terms(instrument.kind))
    budget = of_link.budget(D(100))

    amount = amount_for_budget(budget, instrument, of_link, price)

    one = cost_of(D(1), instrument, of_link, price).total
    assert amount * one == budget * Fraction(of_link.utilisation)


@given(data=st.data(), instrument=instruments(), entry=prices, stop=prices)
def test_stopping_loses_exactly_the_risk(data, instrument, entry, stop):
    of_link = data.draw(trading_terms(instrument.kind))
    if entry == stop:
        stop = entry * 2

    amount = amount_for_risk(D(2), instrument, of_link, entry=entry, stop=stop)

    size, fee = Fraction(instrument.contract_size), Fraction(of_link.fee_rate)
    e, s = Fraction(entry), Fraction(stop)
    if instrument.kind is InstrumentKind.INVERSE:
        loss = amount * size * (abs(1 / e - 1 / s) + fee * (1 / e + 1 / s))
    else:
        loss = amount * size * (abs(e - s) + fee * (e + s))
    assert loss == Fraction(of_link.capital) / 50


@pytest.mark.parametrize("leverage", ["0.1", "1", "3", "125"])
def test_twice_the_capital_buys_twice_as_much_before_rounding(leverage):
    once = terms("333.33", leverage=leverage, fee_rate="0.0007")
    twice = replace(once, capital=once.capital * 2)

    amounts = [
        amount_for_budget(each.budget(Decimal(35)), linear(), each, D("61234.5"))
        for each in (once, twice)
    ]

    assert amounts[1] == 2 * amounts[0]

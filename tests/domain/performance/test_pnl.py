"""Fills and funding in, positions and PnL out."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.money import EXACT, booked, known_sum
from capital.domain.performance.fills import value_at
from capital.domain.performance.pnl import Booked, Books, keep_books
from capital.domain.performance.positions import Position
from capital.domain.sizing.instruments import InstrumentKind
from capital.domain.sizing.orders import PositionSide, Side
from tests.domain.performance.builders import D, at, fill, fundings, histories, marks, paid

SPOT, LINEAR, INVERSE = InstrumentKind.SPOT, InstrumentKind.LINEAR, InstrumentKind.INVERSE


def realized(entries: list[Booked]) -> list[Decimal]:
    return [entry.realized for entry in entries]


def summed(entries: list[Booked], name: str) -> Decimal:
    total = D(0)
    for entry in entries:
        total = EXACT.add(total, getattr(entry, name))
    return total


# Average cost


def test_adding_averages_reducing_realises_and_passing_zero_begins_anew() -> None:
    books, entries = keep_books(
        [
            fill(1, "buy", "1", "100"),
            fill(2, "buy", "1", "110"),
            fill(3, "sell", "1", "120"),
            fill(4, "sell", "2", "90"),
        ]
    )

    assert realized(entries) == [D(0), D(0), D(15), D(-15)]
    assert books.position.amount == D(-1)
    assert books.position.entry_price(LINEAR) == D(90)


def test_entry_is_the_average_until_the_position_grows_again() -> None:
    books, _ = keep_books([fill(1, "buy", "1", "100"), fill(2, "buy", "1", "110")])
    after, _ = keep_books([fill(3, "sell", "0.5", "500")], books=books)

    assert books.position.entry_price(LINEAR) == after.position.entry_price(LINEAR) == D(105)


def test_short_earns_when_the_price_falls() -> None:
    books, entries = keep_books([fill(1, "sell", "2", "90"), fill(2, "buy", "0.5", "80")])

    assert realized(entries) == [D(0), D(5)]
    assert books.position.unrealized(LINEAR, D(100)) == D(-15)


def test_inverse_contracts_earn_the_coin() -> None:
    books, entries = keep_books(
        [
            fill(1, "buy", "100", "10000", INVERSE, contract_size="10"),
            fill(2, "sell", "100", "12500", INVERSE, contract_size="10"),
        ]
    )

    assert realized(entries) == [D(0), D("0.02")]
    assert books.position.entry_price(INVERSE) is None


def test_inverse_entry_is_harmonic() -> None:
    books, _ = keep_books(
        [
            fill(1, "buy", "100", "10000", INVERSE, contract_size="10"),
            fill(2, "buy", "100", "20000", INVERSE, contract_size="10"),
        ]
    )

    assert books.position.entry_price(INVERSE) == D("13333.333333333333333333")


def test_inverse_short_earns_the_coin_when_the_price_falls() -> None:
    _, entries = keep_books(
        [
            fill(1, "sell", "100", "12500", INVERSE, contract_size="10"),
            fill(2, "buy", "100", "10000", INVERSE, contract_size="10"),
        ]
    )

    assert realized(entries) == [D(0), D("0.02")]


def test_inverse_contracts_are_of_the_size_that_they_had_then() -> None:
    """The venue made ten contracts of each: the same 1,000 USD are closed."""
    books, entries = keep_books(
        [
            fill(1, "buy", "100", "10000", INVERSE, contract_size="10"),
            fill(2, "sell", "1000", "12500", INVERSE, contract_size="1"),
        ]
    )

    assert books.position.amount == 0
    assert realized(entries) == [D(0), D("0.02")]


def test_thirds_of_a_coin_add_up() -> None:
    """Three contracts of 1 USD at 30,000 are 0.0001 BTC, not 0.000099999…"""
    _, entries = keep_books([fill(1, "buy", "3", "30000", INVERSE)])

    assert booked(entries[0].volume) == D("0.0001")


def test_what_is_left_of_a_third_is_realised_with_the_last_of_it() -> None:
    """10 cost for 3: two sales of 1 release 3.33… each, the last one what is left."""
    books, entries = keep_books(
        [
            fill(1, "buy", "1", "4"),
            fill(2, "buy", "2", "3"),
            fill(3, "sell", "1", "4"),
            fill(4, "sell", "1", "4"),
            fill(5, "sell", "1", "4"),
        ]
    )

    assert realized(entries[2:]) == [
        D("0.666666666666666667"),
        D("0.666666666666666666"),
        D("0.666666666666666667"),
    ]
    assert books.realized == D(2)


# Sides


def test_hedged_sides_never_pass_zero() -> None:
    books, entries = keep_books(
        [
            fill(1, "buy", "1", "100", position_side=PositionSide.LONG),
            fill(2, "sell", "3", "120", position_side=PositionSide.LONG),
        ]
    )

    assert books.position.amount == 0
    assert entries[1].realized == D(20)
    assert entries[1].cost_unknown == D(2)


def test_short_side_is_opened_by_sales() -> None:
    books, entries = keep_books(
        [
            fill(1, "sell", "1", "100", position_side=PositionSide.SHORT),
            fill(2, "buy", "0.4", "90", position_side=PositionSide.SHORT),
        ]
    )

    assert books.position.amount == D("-0.6")
    assert entries[1].realized == D(4)


def test_spot_sale_beyond_what_is_held_has_an_unknown_cost() -> None:
    books, entries = keep_books(
        [fill(1, "buy", "1", "100", SPOT), fill(2, "sell", "1.5", "120", SPOT)]
    )

    assert books.position.amount == 0
    assert entries[1].realized == D(20)
    assert entries[1].cost_unknown == D("0.5")
    assert entries[1].volume == D(180)
    assert entries[1].closed is not None
    assert not entries[1].closed.is_complete


def test_spot_sale_of_what_nobody_knows_costs_its_fee() -> None:
    books, entries = keep_books([fill(1, "sell", "1", "100", SPOT, fees=[("0.1", "USDT")])])

    assert books == Books(earned=D("-0.1"))
    assert (entries[0].realized, entries[0].fees) == (D("-0.1"), D("0.1"))
    assert (entries[0].cost_unknown, entries[0].cash) == (D(1), D("-0.1"))


# Fees and funding


def test_fee_lowers_pnl_when_it_is_paid() -> None:
    _, entries = keep_books(
        [
            fill(1, "buy", "1", "100", fees=[("0.05", "USDT")]),
            fill(2, "sell", "1", "120", fees=[("0.06", "USDT")]),
        ]
    )

    assert realized(entries) == [D("-0.05"), D("19.94")]
    assert [entry.fees for entry in entries] == [D("0.05"), D("0.06")]


def test_fee_in_the_base_coin_lowers_what_is_held() -> None:
    """10 SOL at 150 less 0.01: 9.99 held for 1,500; its worth is told, and counted once."""
    books, bought = keep_books([fill(1, "buy", "10", "150", SPOT, fees=[("0.01", "BTC")])])
    _, sold = keep_books(
        [fill(2, "sell", "9.99", "156", SPOT, fees=[("1.55844", "USDT")])], books=books
    )

    assert books.position.amount == D("9.99")
    assert books.position.cost == D(1500)
    assert books.position.entry_price(SPOT) == D("150.150150150150150150")
    assert (bought[0].realized, bought[0].fees) == (D(0), D("1.5"))
    assert sold[0].realized == D("56.88156")


def test_sale_with_a_fee_in_the_coin_gives_what_is_held_its_share_of_the_price() -> None:
    """1 sold at 125 and 0.25 for the fee: 125 for 1.25, so 100 for the 1 that was held."""
    books, entries = keep_books(
        [
            fill(1, "buy", "1", "100", SPOT),
            fill(2, "sell", "1", "125", SPOT, fees=[("0.25", "BTC")]),
        ]
    )

    assert books.position.amount == 0
    assert (entries[1].realized, entries[1].cost_unknown) == (D(0), D("0.25"))


def test_fee_in_a_third_coin_counts_at_its_worth_and_leaves_the_cash_alone() -> None:
    _, entries = keep_books([fill(1, "buy", "1", "100", fees=[("0.001", "BNB", "0.6")])])

    assert (entries[0].realized, entries[0].fees) == (D("-0.6"), D("0.6"))
    assert (entries[0].cash, entries[0].elsewhere) == (D(-100), D("0.6"))


def test_fee_of_unknown_worth_is_named_and_in_no_sum() -> None:
    books, entries = keep_books(
        [fill(1, "buy", "1", "100", fees=[("0.001", "BNB"), ("0.002", "BNB"), ("0.1", "USDT")])]
    )

    assert entries[0].fees_unvalued == {"BNB": D("0.003")}
    assert (entries[0].realized, entries[0].fees) == (D("-0.1"), D("0.1"))
    assert books.trade is not None
    assert not books.trade.is_complete


def test_rebate_raises_pnl() -> None:
    _, entries = keep_books([fill(1, "buy", "1", "100", fees=[("-0.01", "USDT")])])

    assert (entries[0].realized, entries[0].fees) == (D("0.01"), D("-0.01"))


def test_fee_in_the_base_coin_of_a_contract_takes_nothing_off_the_position() -> None:
    books, entries = keep_books([fill(1, "buy", "1", "100", fees=[("0.001", "BTC")])])

    assert books.position.amount == D(1)
    assert (entries[0].realized, entries[0].elsewhere) == (D("-0.1"), D("0.1"))


def test_funding_is_earned_and_told_apart() -> None:
    books, entries = keep_books(
        [fill(1, "buy", "1", "100"), fill(3, "sell", "1", "110")], [paid(2, "-0.4")]
    )

    assert realized(entries) == [D(0), D("-0.4"), D(10)]
    assert summed(entries, "funding") == D("-0.4")
    assert entries[2].closed is not None
    assert (entries[2].closed.realized, entries[2].closed.funding) == (D("9.6"), D("-0.4"))
    assert books.realized == D("9.6")


def test_fees_that_came_back_are_fees_of_the_trade_and_no_funding() -> None:
    rebate = replace(paid(2, "0.2"), is_rebate=True)

    _, entries = keep_books([fill(1, "buy", "1", "100"), fill(3, "sell", "1", "110")], [rebate])

    assert (entries[1].realized, entries[1].fees, entries[1].funding) == (D("0.2"), D("-0.2"), 0)
    trade = entries[2].closed
    assert trade is not None
    assert (trade.realized, trade.fees, trade.funding) == (D("10.2"), D("-0.2"), D(0))


def test_funding_in_another_currency_is_told_and_changes_no_books() -> None:
    foreign = replace(paid(2, "-0.4"), currency="BNB")

    books, entries = keep_books([fill(1, "buy", "1", "100")], [foreign])

    assert (entries[1].currency, entries[1].realized) == ("BNB", D("-0.4"))
    assert books.realized == 0
    assert books.trade is not None
    assert books.trade.funding == 0


def test_what_is_closed_leaves_nothing_and_what_cost_nothing_has_no_entry() -> None:
    books, _ = keep_books([fill(1, "buy", "1", "100"), fill(2, "sell", "1", "110")])

    assert books.position == Position()
    assert Position(D(1), D(1), D(0)).entry_price(LINEAR) is None
    assert Position(D(0), D(1), D(100)).entry_price(LINEAR) is None


def test_each_entry_tells_what_is_held_afterwards() -> None:
    _, entries = keep_books(
        [fill(1, "buy", "2", "100"), fill(3, "sell", "3", "110")], [paid(2, "1")]
    )

    held = [(entry.position.amount, entry.position.cost) for entry in entries]
    assert held == [(D(2), D(200)), (D(2), D(200)), (D(-1), D(-110))]


# Trades


def test_trade_goes_from_flat_to_flat() -> None:
    _, entries = keep_books(
        [
            fill(1, "buy", "1", "100", fees=[("0.1", "USDT")]),
            fill(2, "buy", "3", "104", fees=[("0.3", "USDT")]),
            fill(3, "sell", "1", "110"),
            fill(4, "sell", "3", "112", fees=[("0.4", "USDT")]),
        ]
    )

    trade = entries[3].closed
    assert trade is not None
    assert [entry.closed for entry in entries[:3]] == [None] * 3
    assert (trade.opened_at, trade.closed_at) == (at(1), at(4))
    assert (trade.is_long, trade.fills, trade.is_complete) == (True, 4, True)
    assert (trade.entered, trade.exited) == (D(4), D(4))
    assert (trade.entry_price, trade.exit_price) == (D(103), D("111.5"))
    assert (trade.realized, trade.fees) == (D("33.2"), D("0.8"))


def test_trade_with_a_fee_of_unknown_worth_is_incomplete_to_its_end() -> None:
    _, entries = keep_books(
        [
            fill(1, "buy", "2", "100", fees=[("0.1", "BNB")]),
            fill(2, "buy", "1", "100"),
            fill(3, "sell", "1", "110"),
            fill(4, "sell", "2", "110"),
        ]
    )

    trade = entries[3].closed
    assert trade is not None
    assert (trade.is_complete, trade.fills) == (False, 4)


def test_fill_through_zero_ends_one_trade_and_begins_the_next() -> None:
    """Its fee goes to both by quantity."""
    books, entries = keep_books(
        [fill(1, "buy", "1", "100"), fill(2, "sell", "3", "120", fees=[("0.9", "USDT")])]
    )

    ended, begun = entries[1].closed, books.trade
    assert ended is not None
    assert begun is not None
    assert (ended.realized, ended.fees, ended.fills) == (D("19.7"), D("0.3"), 2)
    assert (begun.realized, begun.fees, begun.fills) == (D("-0.6"), D("0.6"), 1)
    assert (begun.is_long, begun.entered, begun.entry_price) == (False, D(2), D(120))
    assert begun.exit_price is None
    assert entries[1].realized == D("19.1")


def test_inverse_trade_has_harmonic_prices() -> None:
    _, entries = keep_books(
        [
            fill(1, "buy", "100", "10000", INVERSE, contract_size="10"),
            fill(2, "buy", "100", "20000", INVERSE, contract_size="10"),
            fill(3, "sell", "200", "16000", INVERSE, contract_size="10"),
        ]
    )

    trade = entries[2].closed
    assert trade is not None
    assert trade.entry_price == D("13333.333333333333333333")
    assert trade.exit_price == D(16000)


def test_less_than_a_step_is_flat_and_begins_the_next_trade() -> None:
    books, entries = keep_books(
        [
            fill(1, "buy", "1", "100", SPOT, fees=[("0.0005", "BTC")], step="0.001"),
            fill(2, "sell", "0.999", "110", SPOT, step="0.001"),
        ]
    )
    later, more = keep_books([fill(3, "sell", "0.0005", "200", SPOT, step="0.001")], books=books)

    assert entries[1].closed is not None
    assert books.trade is None
    assert books.position.amount == D("0.0005")
    # What the rest cost is realised with the rest.
    assert later.realized == EXACT.add(summed(entries, "realized"), more[0].realized)
    assert later.realized == D("9.99")


def test_a_whole_step_is_not_flat() -> None:
    books, entries = keep_books(
        [fill(1, "buy", "1", "100", step="0.001"), fill(2, "sell", "0.999", "110", step="0.001")]
    )

    assert entries[1].closed is None
    assert books.trade is not None


def test_step_of_inverse_contracts_is_in_contracts() -> None:
    books, entries = keep_books(
        [
            fill(1, "buy", "2", "10000", INVERSE, contract_size="100", step="1"),
            fill(2, "sell", "1", "10000", INVERSE, contract_size="100", step="1"),
        ]
    )

    assert entries[1].closed is None
    assert books.trade is not None


# Order


def test_ids_of_one_moment_count_up() -> None:
    """Fill 10 is after fill 9: text alone would sell before it buys."""
    buy = replace(fill(1, "buy", "1", "100", SPOT), key="9")
    sell = replace(fill(1, "sell", "1", "110", SPOT), key="10")

    _, entries = keep_books([sell, buy])

    assert [(entry.key, entry.realized) for entry in entries] == [("9", D(0)), ("10", D(10))]


# What holds for all


@settings(max_examples=100)
@given(history=histories(), funding=fundings, data=st.data())
def test_any_order_of_arrival_ends_the_same(history, funding, data) -> None:
    shuffled = data.draw(st.permutations(history))

    assert keep_books(shuffled, reversed(funding)) == keep_books(history, funding)


@settings(max_examples=100)
@given(history=histories(), funding=fundings, data=st.data())
def test_books_go_on_where_they_stopped(history, funding, data) -> None:
    cut = data.draw(st.integers(0, len(history)))
    whole, entries = keep_books(history, funding)

    first, begun = keep_books(
        history[:cut], [each for each in funding if each.order < _cut(history, cut)]
    )
    last, ended = keep_books(
        history[cut:], [each for each in funding if each.order >= _cut(history, cut)], books=first
    )

    assert (last, begun + ended) == (whole, entries)


def _cut(history, cut):
    return history[cut].order if cut < len(history) else (at(1000), 0, "")


@settings(max_examples=150)
@given(history=histories(), funding=fundings, mark=marks)
def test_realised_and_unrealised_are_the_cash_and_the_value_at_the_mark(
    history, funding, mark
) -> None:
    kind = history[0].kind
    books, entries = keep_books(history, funding)

    earned = EXACT.add(books.earned, books.position.unrealized(kind, mark))
    worth = EXACT.add(summed(entries, "cash"), value_at(kind, books.position.amount, mark))
    assert earned == EXACT.subtract(worth, summed(entries, "elsewhere"))
    assert books.realized == booked(books.earned) == summed(entries, "realized")


@settings(max_examples=100)
@given(history=histories(), data=st.data())
def test_splitting_a_fill_changes_nothing(history, data) -> None:
    index = data.draw(st.integers(0, len(history) - 1))
    whole = replace(history[index], fees=())
    part = data.draw(st.decimals(min_value=0, max_value=1, places=3).filter(lambda x: 0 < x < 1))
    some = EXACT.multiply(whole.quantity, part)
    parts = [
        replace(whole, quantity=some, key=f"{whole.key}a"),
        replace(whole, quantity=EXACT.subtract(whole.quantity, some), key=f"{whole.key}b"),
    ]
    before, after = history[:index], history[index + 1 :]

    one, of_one = keep_books([*before, whole, *after])
    two, of_two = keep_books([*before, *parts, *after])

    assert (two.position, two.earned) == (one.position, one.earned)
    for name in ("realized", "fees", "cash", "volume", "cost_unknown"):
        assert summed(of_two, name) == summed(of_one, name)


@settings(max_examples=100)
@given(history=histories(kinds=(LINEAR, INVERSE), sides=(PositionSide.BOTH,)))
def test_average_cost_agrees_with_fractions(history) -> None:
    """The plain algorithm over fractions, which round nowhere, as the oracle."""
    kind, held, cost, expected = history[0].kind, Fraction(0), Fraction(0), Fraction(0)
    for each in history:
        sign = 1 if each.side is Side.BUY else -1
        amount = sign * Fraction(each.quantity)
        unit = Fraction(each.price)
        if kind is INVERSE:
            amount, unit = amount * Fraction(each.contract_size), -1 / Fraction(each.price)
        for fee in each.fees:
            value = each.fee_value(fee)
            expected -= Fraction(value) if value is not None else 0
        if held * amount < 0:
            closing = amount if abs(amount) <= abs(held) else -held
            entry = cost / held
            expected += -closing * (unit - entry)
            cost += closing * entry
            held += closing
            amount -= closing
        held += amount
        cost += amount * unit

    books, _ = keep_books(history)

    assert Fraction(books.position.amount) == held
    assert abs(Fraction(books.position.cost) - cost) < Fraction(1, 10**24)
    assert abs(Fraction(books.realized) - expected) <= Fraction(1, 10**18)


@settings(max_examples=100)
@given(history=histories())
def test_closed_trades_and_the_open_one_earned_what_the_books_did(history) -> None:
    """Where nothing was sold that nobody knows of, each fill belongs to a trade."""
    books, entries = keep_books(history)
    if summed(entries, "cost_unknown"):
        return

    trades = [entry.closed for entry in entries if entry.closed]
    trades += [books.trade] if books.trade else []

    # Not by the usual context, which rounds to 28 digits.
    assert books.realized == known_sum(*(trade.realized for trade in trades))
    assert summed(entries, "fees") == known_sum(*(trade.fees for trade in trades))


@pytest.mark.parametrize("kind", list(InstrumentKind))
def test_a_long_history_keeps_numbers_of_the_same_length(kind) -> None:
    """Never flat, a thousand partial sales: thirds of thirds would have hundreds of digits."""
    history = [fill(0, "buy", "1000", "101", kind)]
    for minute in range(1, 1000):
        history.append(
            fill(minute, "sell" if minute % 2 else "buy", "3.7", f"{90 + minute % 17}", kind)
        )

    books, _ = keep_books(history)

    assert len(books.position.paid.as_tuple().digits) < 60
    assert len(books.earned.as_tuple().digits) < 60

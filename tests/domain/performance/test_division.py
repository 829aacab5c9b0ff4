"""Funding of an account, divided among those who held the symbol at that moment."""

from decimal import Decimal
from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from capital.domain.money import EXACT
from capital.domain.performance.division import divide_funding, keep_books_together
from capital.domain.performance.fills import Funding
from capital.domain.performance.pnl import Books, keep_books
from capital.domain.sizing.instruments import InstrumentKind
from tests.domain.performance.builders import at, fill, fundings, histories, paid

D = Decimal
SPOT = InstrumentKind.SPOT


def test_long_two_and_short_one_get_twice_what_was_paid_and_owe_it_once() -> None:
    assert divide_funding(D("0.7"), {"a": D(2), "b": D(-1)}) == {"a": D("1.4"), "b": D("-0.7")}


def test_where_the_parts_sum_to_zero_nobody_is_paid() -> None:
    assert divide_funding(D(5), {"a": D(1), "b": D(-1)}) == {}
    assert divide_funding(D(5), {"a": D(0)}) == {}
    assert divide_funding(D(5), {}) == {}


def test_what_does_not_divide_falls_to_the_last_holder() -> None:
    shares = divide_funding(D(1), {"a": D(1), "b": D(1), "c": D(1), "flat": D(0)})

    third = D("0.333333333333333333333333333333333333")
    assert shares == {"a": third, "b": third, "c": D("0.333333333333333333333333333333333334")}


@given(
    st.decimals(min_value=-1000, max_value=1000, places=8),
    st.lists(st.decimals(min_value=-100, max_value=100, places=4), max_size=6),
)
def test_the_shares_sum_to_what_was_paid(amount, quantities) -> None:
    shares = divide_funding(amount, dict(enumerate(quantities)))

    assert not shares or reduce(EXACT.add, shares.values()) == amount
    assert bool(shares) == bool(reduce(EXACT.add, quantities, D(0)))


def test_of_both_sides_of_a_self_trade_the_purchase_is_first() -> None:
    """They have one id and one time: what is sold was bought before, whoever is told first."""
    both = [fill(1, "sell", "1", "100", SPOT), fill(1, "buy", "1", "100", SPOT)]

    for told in (both, both[::-1]):
        _, entries = keep_books_together({"a": Books()}, {"a": told})["a"]
        assert [entry.position.amount for entry in entries] == [1, 0]
        assert [entry.cost_unknown for entry in entries] == [0, 0]


def test_who_holds_it_at_that_moment_is_paid() -> None:
    after = keep_books_together(
        {"a": Books(), "b": Books()},
        {
            "a": [fill(1, "buy", "2", "100"), fill(5, "sell", "2", "100")],
            "b": [fill(2, "sell", "1", "100")],
        },
        [paid(3, "0.5"), paid(6, "0.25")],
    )

    assert {key: books.realized for key, (books, _) in after.items()} == {
        "a": D(1),
        "b": D("-0.5") + D("0.25"),
    }
    assert [entry.funding for entry in after["b"][1]] == [0, D("-0.5"), D("0.25")]


def test_a_payment_in_another_currency_is_told_and_in_no_books() -> None:
    other = Funding("f", at(2), D("-0.3"), currency="BNFCR")

    [(books, [_, entry])] = keep_books_together(
        {"a": Books()}, {"a": [fill(1, "buy", "1", "100")]}, [other]
    ).values()

    assert (entry.currency, entry.realized, entry.funding) == ("BNFCR", D("-0.3"), D("-0.3"))
    assert books.realized == 0


def test_a_rebate_is_a_fee_that_came_back() -> None:
    books, [_, entry] = keep_books(
        [fill(1, "buy", "1", "100")], [Funding("r", at(2), D("0.3"), is_rebate=True)]
    )

    assert (entry.realized, entry.fees, entry.funding) == (D("0.3"), D("-0.3"), D(0))
    assert books.trade is not None
    assert (books.trade.fees, books.trade.funding) == (D("-0.3"), D(0))


@given(histories(), histories(), fundings, st.data())
def test_any_order_of_arrival_divides_the_same(ours, theirs, shared, data) -> None:
    def ends(*arrived) -> dict:
        mine, others, funding = arrived
        books = {"a": Books(), "b": Books()}
        return keep_books_together(books, {"a": mine, "b": others}, funding)

    mixed = [data.draw(st.permutations(each)) for each in (ours, theirs, shared)]

    assert ends(*mixed) == ends(ours, theirs, shared)


@given(histories(), fundings)
def test_one_holder_is_paid_all_of_it_while_something_is_held(history, shared) -> None:
    books, entries = keep_books(history)
    after, booked = keep_books_together({"a": Books()}, {"a": history}, shared)["a"]

    paid_out = [entry for entry in booked if entry.is_funding]
    assert after.position == books.position
    assert len(booked) == len(entries) + len(paid_out)
    total = reduce(EXACT.add, (entry.funding for entry in paid_out), D(0))
    assert abs(after.realized - books.realized - total) < D("1e-16")

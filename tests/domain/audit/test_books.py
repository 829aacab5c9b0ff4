"""The books of a position against its fills: which figure differs, and what it should be."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.audit.books import BookedDay, Standing, check_booked_day, check_standing
from capital.domain.performance.pnl import Booked
from capital.domain.performance.positions import Position
from capital.domain.reasons import Code, Reason

D = Decimal
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
WHICH = {"link": "7", "symbol": "BTC/USDT", "position_side": "both"}
# A position earns in several currencies: its days say in which.
EARNED = {**WHICH, "currency": "USDT"}
STANDING = Standing(held=D(2), cost=D(200), realized=D(-5), quantity=D(2))
DAY = BookedDay(
    realized=D(10),
    fees=D(1),
    funding=D("0.5"),
    volume=D(1000),
    cost_unknown=D(3),
    fills=4,
    fees_unvalued={"BNB": D("0.01")},
    held=D(2),
    cost=D(200),
)


def entry(**figures: Any) -> Booked:
    return Booked(**{"key": "1", "at": NOON, **figures})


# How it stands


@pytest.mark.parametrize(
    ("name", "recorded", "told"),
    [("held", "3", "2"), ("cost", "0", "200"), ("realized", "5", "-5"), ("quantity", "4", "2")],
)
def test_a_standing_that_is_not_that_of_its_fills_is_told(name, recorded, told) -> None:
    found = list(check_standing(replace(STANDING, **{name: D(recorded)}), STANDING, WHICH))

    figures = {**WHICH, "what": name, "recorded": recorded, "expected": told}
    assert found == [Reason(Code.POSITION_NOT_OF_FILLS, figures)]


def test_what_is_alike_or_not_known_on_either_side_breaks_no_rule() -> None:
    unknown = replace(STANDING, quantity=None)

    for recorded, expected in [(STANDING, STANDING), (unknown, STANDING), (STANDING, unknown)]:
        assert list(check_standing(recorded, expected, WHICH)) == []
    assert list(check_standing(Standing(), Standing(), WHICH)) == []


def test_of_several_differences_the_first_is_told() -> None:
    (found,) = check_standing(Standing(quantity=D(9)), STANDING, WHICH)

    assert found.figures["what"] == "held"


# What a day came to


def test_entries_of_a_day_add_up_and_the_last_says_what_is_held() -> None:
    day = BookedDay()
    bought = {"realized": D(-1), "fees": D(1), "volume": D(100), "fees_unvalued": {"BNB": D(2)}}
    day.add(entry(**bought, position=Position(D(1), D(1), D(100))), is_position=True)
    sold = {"realized": D(20), "fees": D(2), "volume": D(60), "cost_unknown": D(4)}
    more = {"fees_unvalued": {"BNB": D(3), "OKB": D(1)}}
    day.add(entry(**sold, **more, position=Position(D("0.5"), D(1), D(100))), is_position=True)
    paid = {"realized": D("0.5"), "funding": D("0.5"), "is_funding": True}
    day.add(entry(**paid, position=Position(D("0.25"), D(1), D(100))), is_position=True)

    assert day == BookedDay(
        realized=D("19.5"),
        fees=D(3),
        funding=D("0.5"),
        volume=D(160),
        cost_unknown=D(4),
        fills=2,
        fees_unvalued={"BNB": D(5), "OKB": D(1)},
        held=D("0.25"),
        cost=D(25),
    )


@pytest.mark.parametrize(("is_position", "currency"), [(False, ""), (True, "BNB"), (False, "BNB")])
def test_what_is_of_no_position_or_in_another_currency_says_nothing_of_what_is_held(
    is_position, currency
) -> None:
    day = BookedDay()
    day.add(
        entry(realized=D(1), currency=currency, position=Position(D(1), D(1), D(9))),
        is_position=is_position,
    )

    assert day == BookedDay(realized=D(1), fills=1)


@pytest.mark.parametrize(
    ("name", "recorded", "told"),
    [
        ("realized", D(11), ("11", "10")),
        ("fees", D(0), ("0", "1")),
        ("volume", D("999.5"), ("999.5", "1000")),
        ("cost_unknown", D(0), ("0", "3")),
        ("fills", 5, ("5", "4")),
        ("fees_unvalued", {}, ("0", "0.01 BNB")),
        ("fees_unvalued", {"OKB": D("1.50"), "BNB": D("0.01")}, ("0.01 BNB, 1.5 OKB", "0.01 BNB")),
        ("held", D(1), ("1", "2")),
        ("cost", D(100), ("100", "200")),
    ],
)
def test_a_day_that_is_not_that_of_its_fills_is_told(name, recorded, told) -> None:
    found = list(
        check_booked_day(replace(DAY, **{name: recorded}), DAY, EARNED, day=date(2026, 3, 5))
    )

    figures = {**EARNED, "date": "2026-03-05", "what": name}
    assert found == [
        Reason(Code.DAY_NOT_OF_FILLS, {**figures, "recorded": told[0], "expected": told[1]})
    ]


def test_funding_is_told_apart_and_with_what_else_differs() -> None:
    found = list(
        check_booked_day(replace(DAY, funding=D(1), fills=1), DAY, EARNED, day=date(2026, 3, 5))
    )

    named = {**EARNED, "date": "2026-03-05"}
    assert found == [
        Reason(Code.FUNDING_NOT_OF_FLOWS, {**named, "recorded": "1", "expected": "0.5"}),
        Reason(Code.DAY_NOT_OF_FILLS, {**named, "what": "fills", "recorded": "1", "expected": "4"}),
    ]


def test_a_day_of_which_nobody_wrote_what_was_held_is_right_without() -> None:
    older = replace(DAY, held=None, cost=None)

    assert list(check_booked_day(older, DAY, EARNED, day=date(2026, 3, 5))) == []
    (found,) = check_booked_day(DAY, older, EARNED, day=date(2026, 3, 5))
    assert (found.figures["what"], found.figures["expected"]) == ("held", "—")

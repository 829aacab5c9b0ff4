"""Drawdowns: how deep, since when, and for how long."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.performance.measures.drawdowns import (
    Drawdown,
    Drawdowns,
    money_drawdowns,
    return_drawdowns,
)
from capital.domain.performance.measures.returns import Returns
from capital.domain.performance.measures.series import Series
from capital.domain.reasons import Code, Reason
from tests.domain.performance.measures.builders import FIRST, D, dated, day, returned, returns


def march(number: int) -> date:
    return FIRST.replace(day=number)


def of(*each: str) -> Drawdowns:
    found = return_drawdowns(returned(each))
    assert isinstance(found, Drawdowns)
    return found


def test_a_fall_lasts_until_its_highest_level_is_reached_again() -> None:
    """1, 1.1, 0.99, 0.9405, 1.1286: a fifth more reaches it."""
    found = of("0.1", "-0.1", "-0.05", "0.2")

    fall = Drawdown(D("0.145"), march(2), march(3), march(3), recovered=march(4))
    assert (found.deepest, found.longest, found.current) == (fall, fall, None)
    assert (found.depth_now, fall.days) == (0, 2)


def test_the_first_day_may_fall() -> None:
    found = of("-0.2", "0.1")

    assert found.deepest == Drawdown(D("0.2"), march(1), march(1), march(2))
    assert found.current == found.deepest
    assert found.depth_now == D("0.12")
    assert found.depth == D("0.2")


def test_the_deepest_need_not_be_the_longest_nor_the_present_one() -> None:
    found = of("-0.5", "1", "-0.01", "0", "0", "0.02", "-0.1")

    assert found.deepest is not None
    assert found.longest is not None
    assert found.current is not None
    assert (found.deepest.depth, found.deepest.days) == (D("0.5"), 1)
    assert (found.longest.since, found.longest.days) == (march(3), 3)
    assert (found.current.since, found.current.days, found.depth_now) == (march(7), 1, D("0.1"))


def test_of_what_is_alike_the_earlier_counts() -> None:
    """1.1 and twice 0.88, then 1.1 again and 0.88."""
    found = of("0.1", "-0.2", "0", "0.25", "-0.2", "0.25")

    assert found.deepest == Drawdown(D("0.2"), march(2), march(2), march(3), recovered=march(4))


def test_what_is_deeper_by_less_than_is_told_is_not_deeper() -> None:
    found = of("-0.5", "-0.0000000000000000000001")

    assert found.deepest == Drawdown(D("0.5"), march(1), march(1), march(2))


def test_without_a_fall_there_is_none() -> None:
    found = of("0", "0.1", "0")

    assert (found.deepest, found.longest, found.current, found.depth) == (None, None, None, 0)


def test_edges_answer_reasons() -> None:
    assert return_drawdowns(returned([])) == Reason(Code.NO_DAYS)
    assert return_drawdowns(returned(["0.1", "-1", "0.5"])) == Reason(Code.RUIN)
    assert money_drawdowns(Series.of([])) == Reason(Code.NO_DAYS)
    assert money_drawdowns(Series.of([day(0, "1", "0", "0", [None, "0"])])) == Reason(
        Code.PNL_UNKNOWN
    )
    assert money_drawdowns(Series.of([day(0, "1", "0", "0", ["0", None])])) == Reason(
        Code.PNL_UNKNOWN
    )


def test_in_money_it_is_what_was_lost_again_of_what_was_earned() -> None:
    """+100, -30 on a mark, -80 more, and a mark at +60: at its lowest 110 below."""
    days = [
        day(0, "1000", "0", "100"),
        day(1, "1100", "5000", "0", ["0", "-30"]),
        day(2, "6070", "-5000", "-80", ["-30", "-30"]),
        day(3, "990", "0", "0", ["-30", "60"]),
    ]

    found = money_drawdowns(Series.of(days))

    assert isinstance(found, Drawdowns)
    assert found.deepest == Drawdown(D(110), march(2), march(3), march(4))
    assert found.depth_now == 20


def test_a_mark_that_is_missing_is_passed_over() -> None:
    days = [
        day(0, "1000", "0", "0", ["0", "50"]),
        day(1, "1050", "0", "0", ["50", None]),
        day(2, None, "0", "-10", [None, "20"]),
    ]

    found = money_drawdowns(Series.of(days))

    assert isinstance(found, Drawdowns)
    assert found.deepest == Drawdown(D(40), march(3), march(3), march(3))


@given(returns, st.decimals("0", "0.3", places=4))
def test_better_days_never_fall_deeper(values, more) -> None:
    before, after = of(*values), of(*(each + more for each in values))

    assert after.depth <= before.depth


@given(returns)
def test_the_depth_is_that_of_every_pair_of_days(values) -> None:
    levels, level = [D(1)], D(1)
    for each in values:
        level *= 1 + each
        levels.append(level)
    deepest = max(
        (1 - low / high for i, high in enumerate(levels) for low in levels[i:]), default=D(0)
    )

    assert abs(of(*values).depth - deepest) < D("1e-15")


@given(st.lists(st.decimals("-9", "9", places=2), min_size=1, max_size=30), st.integers(0, 999))
def test_what_comes_in_changes_no_drawdown_in_money(earned, added) -> None:
    def days(extra: int) -> list:
        return [day(i, D(1000 + extra), D(extra), each) for i, each in enumerate(earned)]

    assert money_drawdowns(Series.of(days(0))) == money_drawdowns(Series.of(days(added)))


@pytest.mark.parametrize(("gap", "lasts"), [(0, 2), (5, 7)])
def test_days_between_count(gap: int, lasts: int) -> None:
    rows = dated(["-0.1", "0"])
    rows[1] = (rows[1][0] + timedelta(days=gap), Decimal(0))

    found = return_drawdowns(Returns.of(rows))

    assert isinstance(found, Drawdowns)
    assert found.longest is not None
    assert found.longest.days == lasts

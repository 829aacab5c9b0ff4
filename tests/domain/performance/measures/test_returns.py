"""Daily returns, chained; total PnL, and ROI."""

from dataclasses import replace
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.money import EXACT, booked, nearest
from capital.domain.performance.measures.periods import Period, PeriodName
from capital.domain.performance.measures.returns import Day, gain_of, roi
from capital.domain.performance.measures.series import Series
from capital.domain.reasons import Code, Reason
from tests.domain.performance.measures.builders import (
    FIRST,
    D,
    chained,
    day,
    percents,
    returned,
    wealth,
)

# 1,000 earns 50; 950 more comes in, the 2,000 lose 100; 1,900 earn 190.
STATED = [
    day(0, "1000", "0", "50"),
    day(1, "1050", "950", "-100"),
    day(2, "1900", "0", "190"),
]


def values(days: list[Day]) -> list[Decimal]:
    returns = Series.of(days).returns
    return [D(each).scaleb(-36, EXACT) for each in returns.values]


def test_the_days_of_the_ruling_come_to_9_725_percent() -> None:
    assert values(STATED) == [D("0.05"), D("-0.05"), D("0.1")]
    assert chained(values(STATED)) == D("0.09725")


def test_their_roi_is_another_figure() -> None:
    pnl, capital = Series.of(STATED).pnl, Series.of(STATED).average_capital

    assert pnl == 140
    assert capital == D("1633.333333333333333333")  # 1,000, 2,000 and 1,900
    assert roi(pnl, capital) == D("0.085714285714285714")


def test_capital_below_one_is_capital_and_a_day_without_any_is_not_counted() -> None:
    days = [day(0, "0.5", "0", "0.1"), day(1, "0", "0", "0"), day(2, "0.3", "0", "0")]

    assert Series.of(days).average_capital == D("0.4")


def test_days_of_several_links_are_one_of_the_same_date() -> None:
    days = [day(4, "1", "2", "3", ("4", "5")), day(4, "10", "20", "30", ("40", "50"))]

    (found,) = Series.of(days).days

    assert found == day(4, "11", "22", "33", ("44", "55"))


def test_what_is_unrealised_is_earned_on_the_day_on_which_it_changes() -> None:
    days = [
        day(0, "1000", "0", "-1", ["0", "51"]),
        day(1, "1050", "0", "60", ["51", "0"]),
    ]

    assert [each.pnl for each in days] == [50, 9]
    assert Series.of(days).pnl == 59


def test_what_is_taken_does_not_lessen_the_capital_of_its_day() -> None:
    assert day(0, "1000", "-400", "50").capital == 1000
    assert day(0, "1000", "400", "50").capital == 1400


@pytest.mark.parametrize(
    "without",
    [
        day(1, None, "0", "50"),
        day(1, "1000", None, "50"),
        day(1, "1000", "0", "50", [None, "0"]),
        day(1, "1000", "0", "50", ["0", None]),
        day(1, "0", "0", "50"),
        day(1, "-10", "0", "50"),
    ],
)
def test_a_day_with_something_unknown_or_without_capital_has_no_return(without: Day) -> None:
    assert without.daily_return is None
    assert chained(values([STATED[0], without, STATED[2]])) == D("0.155")


def test_a_day_without_pnl_has_a_return_of_zero() -> None:
    assert values([day(0, "1000", "0", "0")]) == [0]


def test_a_mark_that_is_missing_in_between_changes_no_total() -> None:
    days = [
        day(0, "1000", "0", "0", ["0", "10"]),
        day(1, "1010", "0", "5", ["10", None]),
        day(2, None, "0", "0", [None, "-20"]),
    ]

    assert Series.of(days).pnl == -15
    assert Series.of(days[:2]).pnl == Reason(Code.PNL_UNKNOWN)
    assert Series.of(days[2:]).pnl == Reason(Code.PNL_UNKNOWN)


def test_links_are_added_up_before_they_are_divided() -> None:
    """100 on 1,000 and nothing on 3,000 are 2.5 %, not 5 %."""
    (both,) = Series.of([day(0, "1000", "0", "100"), day(0, "3000", "0", "0")]).days

    assert both.daily_return == D("0.025")


def test_what_moves_between_links_is_not_added_to_them_together() -> None:
    (both,) = Series.of([day(0, "1000", "-500", "0"), day(0, "3000", "500", "0")]).days

    assert both.capital == 4000


@pytest.mark.parametrize("unknown", ["start", "added", "worth_start", "worth_end"])
def test_what_is_unknown_of_one_link_is_unknown_of_all(unknown: str) -> None:
    (both,) = Series.of([day(0, "1000", "0", "100"), replace(STATED[0], **{unknown: None})]).days

    assert both.daily_return is None
    assert both.realized == 150


def test_without_days_there_are_reasons_and_no_numbers() -> None:
    assert chained([]) == Reason(Code.NO_DAYS)
    assert Series.of([]).pnl == Reason(Code.NO_DAYS)
    without = Series.of([day(0, "0", "0", "5"), day(1, None, "0", "5")])
    assert without.average_capital == Reason(Code.NO_DAYS)
    assert roi(D(5), Reason(Code.NO_DAYS)) == Reason(Code.NO_DAYS)
    assert roi(Reason(Code.PNL_UNKNOWN), D(5)) == Reason(Code.PNL_UNKNOWN)


@pytest.mark.parametrize("lost", ["-1", "-1.6"])
def test_after_ruin_nothing_is_chained(lost: str) -> None:
    assert chained([D("0.1"), D(lost), D("0.5")]) == Reason(Code.RUIN)


def test_from_ruin_on_a_curve_stays_at_what_ruin_left() -> None:
    assert wealth([D("0.1"), D("-0.5"), D("1")]) == [D("1.1"), D("0.55"), D("1.1")]
    assert wealth([D("0.1"), D("-1"), D("0.5")]) == [D("1.1"), 0, 0]
    # What is owed does not grow: -0.66, and not -0.99.
    assert wealth([D("0.1"), D("-1.6"), D("0.5")]) == [D("1.1"), D("-0.66"), D("-0.66")]


@given(st.lists(st.decimals("-0.999", "9", places=36), max_size=40))
def test_what_is_chained_is_what_fractions_come_to(values: list[Decimal]) -> None:
    """No day is rounded so far that one of the 18 decimals differed."""
    level, exact = D(1), Context(prec=2000)
    found = []
    for each in values:
        level = exact.multiply(level, exact.add(D(1), each))
        found.append(booked(exact.subtract(level, D(1))))

    assert [gain_of(each) for each in returned(values).levels] == found
    assert chained(values) == (found[-1] if values else Reason(Code.NO_DAYS))


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20))
def test_a_division_of_whole_numbers_is_rounded_as_amounts_are(dividend: int, divisor: int) -> None:
    plain = Fraction(dividend, divisor)

    assert nearest(dividend, divisor) == round(plain)
    assert [nearest(each, 2) for each in (-5, -3, -1, 1, 3, 5)] == [-2, -2, 0, 0, 2, 2]


def test_what_is_chained_is_exact_to_18_decimals() -> None:
    assert chained(percents(1) * 3) == D("0.030301")


amounts = st.decimals("-400", "400", places=2)
made_days = st.lists(st.tuples(amounts, amounts, amounts), min_size=1, max_size=20)


ONE = D(1)


def make(parts: list[tuple[Decimal, Decimal, Decimal]], scale: Decimal = ONE) -> list[Day]:
    return [
        day(number, 1000 * scale, added * scale, realized * scale, [D(0), worth * scale])
        for number, (added, realized, worth) in enumerate(parts)
    ]


@given(made_days, st.sampled_from(["0.001", "3", "1000000"]))
def test_scaling_capital_changes_no_return(parts, scale) -> None:
    ones, scaled = make(parts), make(parts, D(scale))

    assert all(
        abs(one - other) < D("1e-30")
        for one, other in zip(values(ones), values(scaled), strict=True)
    )
    pnl, pnl_scaled = Series.of(ones).pnl, Series.of(scaled).pnl
    assert isinstance(pnl, Decimal)
    assert pnl_scaled == EXACT.multiply(pnl, D(scale))


@given(made_days, st.randoms())
def test_the_order_of_days_changes_no_chained_return(parts, random) -> None:
    found = values(make(parts))
    shuffled = list(found)
    random.shuffle(shuffled)
    one, other = chained(found), chained(shuffled)

    if isinstance(one, Reason):
        assert one == other
    else:
        assert abs(one - other) <= D("1e-17")


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("today", "2026-03-10"),
        ("7d", "2026-03-04"),
        ("30d", "2026-02-09"),
        ("90d", "2025-12-11"),
        ("month", "2026-03-01"),
        ("year", "2026-01-01"),
        ("all", None),
    ],
)
def test_a_period_ends_today(name: str, since: str | None) -> None:
    today = FIRST.replace(day=10)

    period = Period.named(PeriodName(name), today=today)

    assert period.until == today
    assert (None if period.since is None else period.since.isoformat()) == since

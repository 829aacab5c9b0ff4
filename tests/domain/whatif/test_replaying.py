"""Days on record by another policy, with figures worked out by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from capital.domain.allocation.bounds import Bounds
from capital.domain.allocation.gate import Thresholds
from capital.domain.allocation.links import Link, Reserve
from capital.domain.allocation.rules import PolicyName, Rules
from capital.domain.performance.measures.returns import Day
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from capital.domain.whatif.course import Course
from capital.domain.whatif.record import LinkRecord, PoolRecord, Record
from capital.domain.whatif.replaying import as_recorded, replayed
from strategies.markets import MarketType

D = Decimal
ONE, TWO, THREE = (date(2026, 3, 10) + timedelta(days=each) for each in range(3))
A, B, C = 1, 2, 3

# By day: equity at its start, added by decisions, realised.
Told = Mapping[date, tuple[str | None, str | None, str]]

# a earns 10 % twice and loses 10 %; b loses 5 % twice. On the third day 999.75 come in.
OF_A: Told = {
    ONE: ("5000", "0", "500"),
    TWO: ("5500", "0", "550"),
    THREE: ("6050", "500", "-655"),
}
OF_B: Told = {
    ONE: ("5000", "0", "-250"),
    TWO: ("4750", "0", "-237.5"),
    THREE: ("4512.5", "499.75", "0"),
}


def decimal(text: str | None) -> Decimal | None:
    return None if text is None else D(text)


def link(key: int, told: Told, **fields: object) -> LinkRecord:
    days = {
        day: Day(day, decimal(start), decimal(added), D(realized), D(0), D(0))
        for day, (start, added, realized) in told.items()
    }
    plain = Link(key, "abc"[key - 1], MarketType.FUTURES, D(1), None, D(77))
    return LinkRecord(plain._replace(**fields), days)  # type: ignore[arg-type]


def record(
    *links: LinkRecord, days: Sequence[date] = (ONE, TWO, THREE), start: str = "10000"
) -> Record:
    external = {THREE: D("999.75")} if THREE in days else {}
    return Record(
        days=days,
        links=links,
        pools={Pool.FUTURES: PoolRecord(D(start), external)},
        currency="USDT",
        wallet_mode=WalletMode.SEPARATE,
        reserve=Reserve(),
        thresholds=Thresholds(D(50), D(1)),
    )


def capitals(course: Course, *keys: int) -> list[list[str | None]]:
    return [
        [format(day.capital[key], "f") if key in day.capital else None for key in keys]
        for day in course.days
    ]


def by(policy: PolicyName, **rules: object) -> Rules:
    return Rules(policy=policy, **rules)  # type: ignore[arg-type]


BOTH = record(link(A, OF_A), link(B, OF_B))


def test_the_days_as_they_were() -> None:
    course = as_recorded(BOTH)

    assert capitals(course, A, B) == [["5000", "5000"], ["5500", "4750"], ["6550", "5012.25"]]
    assert [day.equity for day in course.days] == [D("10250"), D("10562.5"), D("10907.25")]
    assert (course.earned, course.turnover, course.allocations) == (D("-92.5"), D("999.75"), 1)
    # 2.5 %, then 312.5 of 10,250; then −655 of 11,562.25.
    assert course.total_return == pytest.approx(
        D("10562.5") / 10000 * (1 - D(655) / D("11562.25")) - 1
    )
    assert course.drawdown == pytest.approx(D(655) / D("11562.25"))


def test_by_weights_everything_is_shared_again_where_it_is_due() -> None:
    course = replayed(BOTH, by(PolicyName.WEIGHTS))

    # 10,250 ÷ 2; then 10,250 + 512.5 − 256.25 + 999.75 = 11,506, ÷ 2.
    assert capitals(course, A, B) == [
        ["5000.00", "5000.00"],
        ["5125.00", "5125.00"],
        ["5753.00", "5753.00"],
    ]
    assert [day.equity for day in course.days] == [D("10250"), D("10506.25"), D("10930.7")]
    assert [day.daily_return for day in course.days] == [D("0.025"), D("0.025"), D("-0.05")]
    assert (course.total_return, course.drawdown) == (D("-0.00190625"), D("0.05"))
    # 375 + 375, then 115.5 + 884.25.
    assert (course.turnover, course.allocations) == (D("1749.75"), 2)
    assert course.earned == D("-69.05")
    assert course.earned_by(A) == D("437.2")
    assert course.unknown == {}


def test_by_own_profit_each_keeps_what_it_earned() -> None:
    course = replayed(BOTH, by(PolicyName.OWN_PROFIT))

    # The deposit by weight: 499.875 each, of which the first gets the odd cent.
    assert capitals(course, A, B) == [
        ["5000.00", "5000.00"],
        ["5500.00", "4750.00"],
        ["6549.88", "5012.37"],
    ]
    # 11,562.25 − 655 × 6,549.88 ÷ 6,550.
    assert [day.equity for day in course.days] == [D("10250"), D("10562.5"), D("10907.262")]
    assert (course.turnover, course.allocations) == (D("999.75"), 1)


def test_what_is_too_small_to_be_due_moves_nothing() -> None:
    small = record(
        link(A, {ONE: ("5000", "0", "40"), TWO: ("5040", "0", "0")}),
        link(B, {ONE: ("5000", "0", "0"), TWO: ("5000", "0", "0")}),
        days=(ONE, TWO),
    )

    for policy in PolicyName:
        course = replayed(small, by(policy))
        assert capitals(course, A, B) == [["5000.00", "5000.00"], ["5040.00", "5000.00"]]
        assert course.turnover == 0


def test_within_the_drift_band_nothing_moves() -> None:
    course = replayed(BOTH, by(PolicyName.WEIGHTS, drift_band_percent=D(8)))

    # 5,125 is 7.3 % of 5,500 away, and 7.9 % of 4,750: what is within the band goes on as it is.
    assert capitals(course, A, B)[:2] == [["5000", "5000"], ["5500", "4750"]]


def test_by_volatility_the_calmer_one_gets_more() -> None:
    calm, wild = (
        [(ONE - timedelta(days=60 - at), D(size) if at % 2 else -D(size)) for at in range(60)]
        for size in ("0.1", "0.2")
    )
    both = record(
        replace(link(A, OF_A), returns=calm), replace(link(B, OF_B), returns=wild), days=(ONE,)
    )

    assert capitals(replayed(both, by(PolicyName.INVERSE_VOLATILITY)), A, B) == [
        ["6666.67", "3333.33"]
    ]
    # Of five days nobody can tell.
    few = by(PolicyName.INVERSE_VOLATILITY, lookback_days=5)
    assert capitals(replayed(both, few), A, B) == [["5000.00", "5000.00"]]
    assert capitals(replayed(both, by(PolicyName.INVERSE_VOLATILITY, lookback_days=1)), A, B) == [
        ["5000.00", "5000.00"]
    ]


def test_a_drawdown_scales_as_it_stood_on_that_day() -> None:
    bounds = Bounds(drawdown_scaling=True, max_drawdown_percent=D(20))
    fallen = [(ONE - timedelta(days=1), D("-0.1")), (ONE, D("0.5"))]
    both = record(
        replace(link(A, OF_A, bounds=bounds), returns=fallen), link(B, OF_B), days=(ONE, TWO)
    )

    course = replayed(both, by(PolicyName.WEIGHTS))

    # 10 of 20 %: half of its 5,000 stays unallocated; on the next day it stands at its highest.
    # 10,000 + 250 − 250 did not change; so nothing is due.
    assert capitals(course, A, B) == [["2500.00", "5000.00"], ["2750.00", "4750.00"]]
    unknown = record(link(A, OF_A, bounds=bounds), link(B, OF_B), days=(ONE,))
    assert capitals(replayed(unknown, by(PolicyName.WEIGHTS)), A, B) == [["5000.00", "5000.00"]]


def test_a_new_strategy_takes_part_from_its_first_day_on() -> None:
    three = record(link(A, OF_A), link(B, OF_B), link(C, {TWO: (None, None, "0")}), days=(ONE, TWO))

    # By own profit from the others by their claims: a third of 10,250.
    course = replayed(three, by(PolicyName.OWN_PROFIT))

    assert capitals(course, A, B, C)[0] == ["5000.00", "5000.00", None]
    assert capitals(course, A, B, C)[1] == ["3666.66", "3166.67", "3416.67"]
    # Nothing says what it would have earned with that.
    assert course.unknown == {C: 1}


def test_one_that_is_idle_by_now_takes_part_until_its_last_day() -> None:
    gone = record(
        link(A, {ONE: OF_A[ONE]}, idle=Code.LINK_INACTIVE), link(B, OF_B), days=(ONE, TWO)
    )

    course = replayed(gone, by(PolicyName.WEIGHTS))

    assert capitals(course, A, B) == [["5000.00", "5000.00"], [None, "10250.00"]]
    assert course.days[-1].equity == D("9737.5")


def test_one_that_is_idle_by_now_and_had_nothing_since_takes_no_part_since() -> None:
    """Its days go on: paused, it has neither capital nor PnL on them."""
    told = {ONE: OF_A[ONE], TWO: ("5500", "-5500", "0"), THREE: ("0", "0", "0")}
    paused = record(link(A, told, idle=Code.LINK_INACTIVE), link(B, OF_B), start="10000")

    course = replayed(paused, by(PolicyName.WEIGHTS))

    assert capitals(course, A, B)[2][0] is None
    assert (course.unknown, course.days[2].capital[B]) == ({}, course.days[2].equity)


def test_capital_that_was_not_there_on_record_earns_nothing_that_is_known() -> None:
    idle = {ONE: ("0", "0", "0"), TWO: ("0", "0", "7")}
    both = record(link(A, {ONE: OF_A[ONE], TWO: OF_A[TWO]}), link(B, idle), days=(ONE, TWO))

    course = replayed(both, by(PolicyName.WEIGHTS))

    assert capitals(course, A, B) == [["5000.00", "5000.00"], ["5250.00", "5250.00"]]
    assert (course.unknown, course.earned_by(B)) == ({B: 2}, 0)


def test_a_day_whose_unrealised_pnl_is_unknown_counts_what_was_realised() -> None:
    day = Day(ONE, D(5000), D(0), D(100), D(0), None)
    one = record(replace(link(A, OF_A), days={ONE: day}), days=(ONE,), start="5000")

    assert as_recorded(one).days[0].equity == D(5100)
    assert replayed(one, by(PolicyName.WEIGHTS)).days[0].equity == D(5100)


def test_what_is_lost_beyond_everything_has_no_return() -> None:
    ruined = record(link(A, {ONE: ("5000", "0", "-5000")}), days=(ONE,), start="5000")

    course = replayed(ruined, by(PolicyName.WEIGHTS))

    assert course.total_return == Reason(Code.RUIN)
    assert course.drawdown == Reason(Code.RUIN)
    assert course.days[0].equity == 0


def test_a_day_without_capital_lacks_no_return() -> None:
    ruined = record(link(A, {ONE: ("5000", "0", "-5000")}), days=(ONE, TWO), start="5000")

    course = replayed(ruined, by(PolicyName.WEIGHTS))

    assert (course.unknown, course.days[1].equity) == ({}, 0)


def test_the_reserve_stays_back_and_earns_nothing() -> None:
    half = replace(BOTH, reserve=Reserve(percent=D(50)), days=(ONE,))

    course = replayed(half, by(PolicyName.WEIGHTS))

    assert capitals(course, A, B) == [["2500.00", "2500.00"]]
    assert course.days[0].daily_return == D("0.0125")


def test_the_same_record_comes_to_the_same() -> None:
    rules = by(PolicyName.OWN_PROFIT)

    assert replayed(BOTH, rules) == replayed(BOTH, rules)


def test_what_is_earned_below_the_quantum_is_no_move() -> None:
    told = {ONE: ("10000", "0", "500.004"), TWO: ("10500.004", "0", "0")}
    one = record(link(A, told), days=(ONE, TWO))

    course = replayed(one, by(PolicyName.OWN_PROFIT))

    assert capitals(course, A) == [["10000.00"], ["10500.00"]]
    assert (course.turnover, course.allocations) == (0, 0)


def test_a_quantum_is_a_move() -> None:
    told = {ONE: ("5000", "0", "0.02"), TWO: ("5000.02", "0", "0")}
    other = {ONE: ("5000", "0", "0"), TWO: ("5000", "0", "0")}
    two = record(link(A, told), link(B, other), days=(ONE, TWO))

    course = replayed(replace(two, thresholds=Thresholds(D(0), D(0))), by(PolicyName.WEIGHTS))

    assert capitals(course, A, B)[1] == ["5000.01", "5000.01"]
    assert course.turnover == D("0.02")


def test_in_one_wallet_every_market_earns_for_all() -> None:
    spot = link(A, OF_A, market=MarketType.SPOT)
    unified = replace(
        record(spot, link(B, OF_B)),
        pools={Pool.UNIFIED: PoolRecord(D(10000), {THREE: D("999.75")})},
        wallet_mode=WalletMode.UNIFIED,
    )

    course = replayed(unified, by(PolicyName.WEIGHTS))

    assert [day.equity for day in course.days] == [
        day.equity for day in replayed(BOTH, by(PolicyName.WEIGHTS)).days
    ]


def test_a_link_that_joins_later_earned_what_it_earned_since() -> None:
    late = {THREE: ("5000", "0", "50")}

    course = as_recorded(record(link(A, OF_A), link(B, late)))

    assert (course.earned_by(A), course.earned_by(B)) == (D(395), D(50))

"""Days and trades of a month as one number: what is added is what they come to, exactly."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.money import known_sum
from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.packed import (
    SCALES,
    PackedDay,
    days_of_month,
    pack_month,
    scale_of,
    unpack_month,
    unpack_sums,
    unpack_trades,
)
from capital.domain.performance.measures.series import together
from capital.domain.performance.measures.trades import EndedTrade, TradeSums, sums_of

D = Decimal
NAMES = ("start", "added", "realized", "fees", "funding", "volume", "worth_start", "worth_end")
DAY = PackedDay(D(1000), D(0), D(50), D("0.5"), D("-0.3"), D(2000), D(0), D("-12.25"), 4, 1)

NONE, HOUR = TradeSums(), timedelta(hours=1)


def test_what_is_packed_is_unpacked_with_all_its_digits() -> None:
    assert (scale_of({}, NONE), scale_of({}, sums_of([EndedTrade(D("1e-7"), HOUR)]))) == (6, 12)
    assert scale_of({}, TradeSums(squares=D("1e-13"))) == 12
    least = replace(DAY, realized=D("1e-119"), start=None, worth_end=D("-99999999999999999999"))
    days = {1: DAY, 31: least}
    assert (scale_of({1: DAY}, NONE), scale_of({1: replace(DAY, fees=D("1.230"))}, NONE)) == (6, 6)
    assert (scale_of({1: replace(DAY, fees=D("1e-7"))}, NONE), scale_of(days, NONE)) == (
        12,
        SCALES[-1],
    )
    assert dict(unpack_month(pack_month(days, NONE, 120), 120)) == days
    assert dict(unpack_month(pack_month(days, NONE, 120), 120, first=2)) == {31: least}
    assert dict(unpack_month(0, 6)) == {}


def test_two_months_are_added_day_by_day_and_what_one_does_not_know_is_unknown() -> None:
    first = {1: DAY, 2: replace(DAY, added=None)}
    second = {2: replace(DAY, realized=D("-70.000001"), fills=3), 3: DAY}
    total = pack_month(first, NONE, 6) + pack_month(second, NONE, 6)
    assert dict(unpack_month(total, 6)) == {
        1: DAY,
        2: PackedDay(
            *(D(2000), None, D("-20.000001"), D(1), D("-0.6"), D(4000), D(0), D("-24.5")), 7, 2
        ),
        3: DAY,
    }


def test_only_the_days_that_are_asked_for_are_summed_and_none_come_to_nothing() -> None:
    total = pack_month({1: DAY, 3: replace(DAY, realized=D(7))}, NONE, 6)

    assert unpack_sums(total, 6, first=2).realized == 7
    assert unpack_sums(total, 6, first=2, last=2) == Sums()


_amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
_days = st.dictionaries(
    st.integers(1, 31),
    st.builds(
        PackedDay,
        **dict.fromkeys(NAMES, _amounts),
        fills=st.integers(0, 10**9),
        trades=st.integers(0, 10**9),
    ),
    max_size=4,
)


@settings(max_examples=30)
@given(st.lists(_days, min_size=1, max_size=5))
def test_the_sum_of_many_is_that_of_their_days(links: list[dict[int, PackedDay]]) -> None:
    total = dict(unpack_month(sum(pack_month(days, NONE, 6) for days in links), 6))
    assert total.keys() == {day for days in links for day in days}
    for number, found in total.items():
        of_day = [days[number] for days in links if number in days]
        for name in NAMES:
            assert getattr(found, name) == known_sum(*(getattr(each, name) for each in of_day))
        assert found.fills == sum(each.fills for each in of_day)
        assert found.trades == sum(each.trades for each in of_day)

    number = sum(pack_month(days, NONE, 6) for days in links)
    for day in together(list(days_of_month(number, 6, date(2026, 3, 1)))).days:
        packed = total[day.date.day]
        assert day.realized == packed.realized - packed.fees + packed.funding
        for name in ("start", "added", "worth_start", "worth_end"):
            assert getattr(day, name) == getattr(packed, name)
    sums = unpack_sums(number, 6)
    for name in ("realized", "fees", "funding", "volume", "fills", "trades"):
        assert getattr(sums, name) == sum(getattr(each, name) for each in total.values())


_trades = st.lists(
    st.builds(
        EndedTrade,
        st.decimals(min_value=-(10**12), max_value=10**12, places=9),
        st.timedeltas(timedelta(0), timedelta(days=3650)),
        is_complete=st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=30)
@given(st.lists(_trades, min_size=1, max_size=5))
def test_the_sums_of_trades_are_added_beside_the_days(links: list[list[EndedTrade]]) -> None:
    scale = 12
    total = sum(pack_month({1: DAY}, sums_of(trades), scale) for trades in links)

    whole = sums_of(trade for trades in links for trade in trades)
    parts = TradeSums()
    for trades in links:
        parts.add(sums_of(trades))
    assert parts == whole
    assert unpack_trades(total, scale) == replace(whole, largest_win=None, largest_loss=None)
    ((number, day),) = unpack_month(total, scale)
    assert (number, day.realized, day.trades) == (1, 50 * len(links), len(links))

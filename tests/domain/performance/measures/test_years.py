"""Months of a year as columns: what is added is what their days and trades come to, exactly."""

from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from capital.domain.performance.earned import Sums
from capital.domain.performance.measures.columns import pack, unpack, width_of
from capital.domain.performance.measures.packed import PackedDay, pack_month, scale_of
from capital.domain.performance.measures.returns import Day, Returns
from capital.domain.performance.measures.series import NAMES, UNKNOWABLE, Series, together
from capital.domain.performance.measures.trades import EndedTrade, TradeSums, sums_of
from capital.domain.performance.measures.years import Years, pack_year, whole_months

D = Decimal
_DAY = timedelta(days=1)
_numbers = st.integers(-(10**30), 10**30) | st.integers(-9, 9) | st.just(0)


@given(st.lists(st.lists(_numbers, max_size=9), min_size=1, max_size=4), st.integers(0, 3))
def test_columns_of_one_width_are_added_place_by_place(columns: list[list[int]], more: int) -> None:
    width = max(map(width_of, columns))
    places = max(map(len, columns)) + more

    total = sum(pack(column, width) for column in columns)

    filled = [column + [0] * (places - len(column)) for column in columns]
    assert unpack(total, width, places) == [sum(each) for each in zip(*filled, strict=True)]


def test_a_million_of_the_largest_have_room() -> None:
    column = [-(2**43) + 1, 2**43 - 1, -1, 0]
    assert width_of(column) == 8

    total = pack(column, 8) * 10**6

    assert unpack(total, 8, 4) == [each * 10**6 for each in column]
    assert (width_of([0, 0]), pack([0, 0], 0), width_of([])) == (0, 0, 0)
    assert unpack(0, 8, 3) == [0, 0, 0]


_amounts = st.decimals(min_value=-(10**7), max_value=10**7, places=4) | st.decimals(-3, 3, places=9)
_known = dict.fromkeys(("realized", "fees", "funding", "volume"), _amounts)
_days = st.builds(
    PackedDay,
    **_known,
    **dict.fromkeys(UNKNOWABLE, _amounts | st.none()),
    fills=st.integers(0, 10**6),
    trades=st.integers(0, 10**6),
)
_trades = st.builds(
    EndedTrade, _amounts, st.timedeltas(timedelta(0), timedelta(days=99)), is_complete=st.booleans()
)
# By month of 2023 and 2024, a leap year: its days by number, and its trades.
_months = st.dictionaries(
    st.tuples(st.sampled_from([2023, 2024]), st.integers(1, 12)),
    st.tuples(
        st.dictionaries(st.integers(1, 31), _days, min_size=1, max_size=4),
        st.lists(_trades, max_size=2),
    ),
    max_size=4,
)
_dates = st.dates(date(2022, 11, 1), date(2025, 2, 1))


def as_day(day: date, told: PackedDay) -> Day:
    earned = told.realized - told.fees + told.funding
    return Day(day, told.start, told.added, earned, told.worth_start, told.worth_end)


@settings(max_examples=60, deadline=None)
@given(st.lists(_months, min_size=1, max_size=3), _dates | st.none(), _dates)
def test_years_of_links_come_to_what_their_days_and_trades_come_to(
    links: list[dict], since: date | None, until: date
) -> None:
    years, days, sums, ended = Years(since, until), list[Day](), Sums(), TradeSums()
    for link in links:
        of_year = defaultdict(list)
        for (year, month), (by_number, trades) in sorted(link.items()):
            first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
            told = {number: day for number, day in by_number.items() if number <= last.day}
            if not told:
                continue
            of_trades = sums_of(trades)
            scale = scale_of(told, of_trades)
            of_year[year].append((first, scale, pack_month(told, of_trades, scale), told))
            if (since is None or since <= first) and last <= until:
                for day in told.values():
                    sums.add(
                        Sums(day.realized, day.fees, day.funding, day.volume, day.fills, day.trades)
                    )
                ended.add(of_trades)
            for number, day in told.items():
                at = first.replace(day=number)
                if (since is None or since <= at) and at <= until:
                    days.append(as_day(at, day))
        for months in of_year.values():
            begins = months[0][0].replace(day=min(months[0][3]))
            ends = months[-1][0].replace(day=max(months[-1][3]))
            packed = pack_year([each[:3] for each in months])
            years.add(begins, ends, packed.scale, packed.figures, packed.unknown)

    found, expected = together(list(years.parts())), Series.of(days)

    assert found.days == expected.days
    assert found.returns == expected.returns
    found_sums, found_ended = years.sums()
    assert found_sums == sums
    ended.largest_win = ended.largest_loss = None
    assert found_ended == ended


@given(
    st.lists(
        st.tuples(st.integers(0, 9), *(_amounts for _ in NAMES)).map(
            lambda each: Day(date(2024, 2, 25) + each[0] * _DAY, *each[1:])
        ),
        max_size=6,
    )
)
def test_days_of_one_date_are_added_and_measured_as_each_day_is(days: list[Day]) -> None:
    series = Series.of(days)

    assert list(series.dates) == sorted({day.date for day in days})
    for each in series.days:
        of_date = [day for day in days if day.date == each.date]
        for name in NAMES:
            assert getattr(each, name) == sum(getattr(day, name) for day in of_date)
    of_each = [(day.date, day.daily_return) for day in series.days if day.daily_return is not None]
    assert series.returns == Returns.of(of_each)
    assert series.days_unknown == 0


def test_a_day_that_follows_from_the_one_before_it_takes_no_room() -> None:
    """A year of days that begin as the one before ended: one place for the first."""
    start, worth = D(1000), D(0)
    months = []
    for month in range(1, 13):
        days = {}
        for number in range(1, monthrange(2023, month)[1] + 1):
            earned, after = D(number) / 10, D(number % 7)
            days[number] = PackedDay(
                start, D(0), earned, D(0), D(0), D(0), worth, after, fills=0, trades=0
            )
            start, worth = start + earned + after - worth, after
        months.append((date(2023, month, 1), 6, pack_month(days, TradeSums(), 6)))

    packed = pack_year(months)

    # Two columns of 365 places of six bytes, and little else.
    assert len(packed.figures) < 2 * 365 * 6 + 400
    assert packed.unknown == {}


def test_days_before_the_first_one_take_no_room() -> None:
    """A link that began in December; what it began with is one place."""
    days = {
        number: PackedDay(D(1000), D(0), D(number), D(0), D(0), D(0), D(9), D(9), fills=0, trades=0)
        for number in range(5, 32)
    }

    packed = pack_year([(date(2023, 12, 1), 6, pack_month(days, TradeSums(), 6))])

    # Three columns of 27 places, and the sums of twelve months.
    assert len(packed.figures) < 3 * 27 * 8 + 400


def test_what_is_never_known_takes_no_room() -> None:
    """As of what is earned in another currency: no equity stands against it."""
    days = {
        number: PackedDay(None, None, D(number), D(0), D(0), D(0), None, D(0), fills=0, trades=0)
        for number in range(1, 32)
    }

    packed = pack_year([(date(2023, 1, 1), 6, pack_month(days, TradeSums(), 6))])

    assert len(packed.figures) < 31 * 6 + 100
    assert packed.unknown == {name: [(0, 30)] for name in ("start", "added", "worth_start")}


def test_whole_months_are_those_of_which_all_days_are_asked_for() -> None:
    assert whole_months(2024, None, date(2024, 12, 31)) == range(12)
    assert whole_months(2024, date(2024, 3, 1), date(2024, 5, 31)) == range(2, 5)
    assert whole_months(2024, date(2024, 3, 2), date(2024, 5, 30)) == range(3, 4)
    assert not whole_months(2024, date(2025, 1, 1), date(2025, 5, 30))
    assert not whole_months(2024, date(2022, 1, 1), date(2023, 12, 31))


def test_a_year_that_ends_before_the_period_has_no_part_in_it() -> None:
    day = PackedDay(D(1), D(0), D(1), D(0), D(0), D(9), D(0), D(0), 1, 1)
    days, none = {5: day}, TradeSums()
    scale = scale_of(days, none)
    packed = pack_year([(date(2023, 1, 1), scale, pack_month(days, none, scale))])

    years = Years(date(2023, 3, 1), date(2023, 12, 31))
    only = date(2023, 1, 5)
    years.add(only, only, packed.scale, packed.figures, packed.unknown)

    assert list(years.parts()) == []
    assert years.sums() == (Sums(), TradeSums())

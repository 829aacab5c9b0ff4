"""How much of a limit is used, from days."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capital.domain.limits.judging import Baseline, Judged, Kind, NotJudged, judge, not_judged
from capital.domain.performance.measures.returns import Day
from capital.domain.reasons import Code, Reason

D = Decimal
TODAY = date(2026, 3, 10)


def day(
    number: int,
    start: str | None,
    realized: str = "0",
    *,
    added: str = "0",
    worth: tuple[str | None, str | None] = ("0", "0"),
) -> Day:
    """So many days before today."""
    begins, ends = (None if each is None else D(each) for each in worth)
    return Day(
        TODAY - timedelta(days=number),
        None if start is None else D(start),
        D(added),
        D(realized),
        begins,
        ends,
    )


def judged(
    kind: Kind, limit: str, *days: Day, baseline: Baseline | None = None, currency: str = "USDT"
) -> Judged:
    return judge(kind, D(limit), days, today=TODAY, currency=currency, baseline=baseline)


@pytest.mark.parametrize(
    ("loss", "used", "code"),
    [
        ("-39.99", "3.999", None),
        ("-40", "4", Code.DAILY_LOSS_NEAR),
        ("-49.9999", "4.99999", Code.DAILY_LOSS_NEAR),
        ("-50", "5", Code.DAILY_LOSS_REACHED),
        ("-51", "5.1", Code.DAILY_LOSS_REACHED),
        ("20", "-2", None),
    ],
)
def test_loss_warns_at_four_fifths_of_the_limit_and_stops_at_all_of_it(
    loss: str, used: str, code: Code | None
) -> None:
    found = judged(Kind.DAILY_LOSS, "5", day(0, "1000", loss))

    assert found.used == D(used)
    assert (found.reason and found.reason.code) == code
    assert found.is_reached is (code is Code.DAILY_LOSS_REACHED)


def test_what_is_shown_as_reached_was_reached() -> None:
    found = judged(Kind.DAILY_LOSS, "5", day(0, "1000", "-49.9999"))
    assert found.reason is not None
    assert found.reason.figures == {"percent": "4.99", "limit": "5"}
    found = judged(Kind.DAILY_LOSS_AMOUNT, "60", day(0, "1000", "-60.5"))
    assert found.reason == Reason(
        Code.DAILY_LOSS_AMOUNT_REACHED, {"loss": "60.50", "limit": "60.00", "currency": "USDT"}
    )
    found = judged(Kind.DAILY_LOSS_AMOUNT, "60", day(0, "1000", "-48"))
    assert found.reason == Reason(
        Code.DAILY_LOSS_AMOUNT_NEAR, {"loss": "48.00", "limit": "60.00", "currency": "USDT"}
    )


def test_daily_loss_is_of_what_the_day_began_with_and_what_was_added() -> None:
    """1,000 at its start, 1,000 came in: 90 lost are 4.5 %, and so where 500 was taken: 9 %."""
    assert judged(Kind.DAILY_LOSS, "5", day(0, "1000", "-90", added="1000")).used == D("4.5")
    assert judged(Kind.DAILY_LOSS, "5", day(0, "1000", "-90", added="-500")).used == D(9)
    assert judged(Kind.DAILY_LOSS_AMOUNT, "90", day(0, "1000", "-90")).is_reached


def test_unrealised_losses_count_and_a_missing_mark_judges_nothing() -> None:
    assert judged(Kind.DAILY_LOSS, "5", day(0, "1000", "10", worth=("0", "-60"))).used == 5
    for kind in Kind:
        unknown = judged(kind, "5", day(1, "1000"), day(0, "1000", "-90", worth=("0", None)))
        assert unknown == not_judged(kind, D(5), NotJudged.PNL_UNKNOWN)
        assert not unknown.is_near
        assert not unknown.is_reached
    assert judged(Kind.DAILY_LOSS, "5", day(0, None, "-90")).used is None
    # An amount needs no capital to be compared with.
    assert judged(Kind.DAILY_LOSS_AMOUNT, "5", day(0, None, "-90")).is_reached


def test_without_a_day_or_capital_nothing_is_lost() -> None:
    for kind in Kind:
        assert judged(kind, "5").used == 0
        assert judged(kind, "5", day(1, "1000", "-1")).used in (0, D("0.1"))
    assert judged(Kind.DAILY_LOSS, "5", day(0, "0", "-5")).used == 0
    assert judged(Kind.DRAWDOWN, "5", day(0, "0", "-5")).used == 0


def test_drawdown_is_below_the_highest_level_with_today_so_far() -> None:
    """+10 %, -5 %, today -5 %: 1.1 × 0.95² is 9.75 % below 1.1."""
    days = (day(2, "1000", "100"), day(1, "1100", "-55"), day(0, "1045", "-52.25"))

    assert judged(Kind.DRAWDOWN, "10", *days).used == D("9.75")
    assert judged(Kind.DRAWDOWN, "10", *days[:2]).used == 5
    # What came back is no drawdown now.
    assert judged(Kind.DRAWDOWN, "10", *days[:2], day(0, "1045", "55")).used == 0


def test_decision_that_takes_most_of_the_capital_is_no_drawdown() -> None:
    taken = (day(1, "5000", "0", added="-2000"), day(0, "3000", "0"))
    assert judged(Kind.DRAWDOWN, "1", *taken).used == 0
    assert judged(Kind.DAILY_LOSS, "1", day(0, "5000", "0", added="-2000")).used == 0


def test_past_day_of_unknown_worth_is_passed_over() -> None:
    days = (day(2, "1000", "-100"), day(1, "900", worth=("0", None)), day(0, "900", "-90"))
    assert judged(Kind.DRAWDOWN, "30", *days).used == 19


def test_ruin_is_a_drawdown_of_all() -> None:
    days = (day(1, "1000", "-1200"), day(0, "1000", "500"))
    assert judged(Kind.DRAWDOWN, "100", *days).used == 100


# After a stop was lifted


def test_drawdown_begins_again_when_it_was_lifted() -> None:
    """Lifted at -10 % of the day, which ends at -19 %: a tenth was lost since."""
    lifted = Baseline(TODAY - timedelta(days=1), D("-0.1"), D(-100))
    days = (day(2, "2000", "-1000"), day(1, "1000", "-190"))

    assert judged(Kind.DRAWDOWN, "20", *days, baseline=lifted).used == 10
    assert judged(Kind.DRAWDOWN, "20", *days, day(0, "810", "-81"), baseline=lifted).used == 19
    assert judged(Kind.DRAWDOWN, "20", *days).used == D("59.5")


def test_rest_of_the_day_counts_from_the_lifting() -> None:
    lifted = Baseline(TODAY, D("-0.05"), D(-50))
    today = day(0, "1000", "-60")

    assert judged(Kind.DAILY_LOSS, "5", today, baseline=lifted).used == 1
    assert judged(Kind.DAILY_LOSS_AMOUNT, "50", today, baseline=lifted).used == 10
    assert judged(Kind.DRAWDOWN, "5", today, baseline=lifted).used == D("1.052631578947368400")
    # The day after it is a day as any other.
    lifted = Baseline(TODAY - timedelta(days=1), D("-0.05"), D(-50))
    assert judged(Kind.DAILY_LOSS, "5", today, baseline=lifted).used == 6


@pytest.mark.parametrize("known", [Baseline(TODAY, None, None), Baseline(TODAY, D(-1), None)])
def test_lifted_where_nothing_was_known_the_day_is_not_judged(known: Baseline) -> None:
    for kind in Kind:
        unknown = judged(kind, "5", day(0, "1000", "-60"), baseline=known)
        assert unknown == not_judged(kind, D(5), NotJudged.PNL_UNKNOWN)
    # From the next day on it is.
    lifted = Baseline(TODAY - timedelta(days=1), None, None)
    days = (day(1, "1000", "-60"), day(0, "940", "-47"))
    assert judged(Kind.DRAWDOWN, "10", *days, baseline=lifted).used == 5


def test_lifted_while_it_had_no_capital_what_it_loses_once_it_has_some_counts() -> None:
    """A strategy that is stopped has none: its share is unallocated."""
    lifted = Baseline(TODAY, None, D(0))
    for kind, used in ((Kind.DRAWDOWN, 30), (Kind.DAILY_LOSS, 30)):
        assert judged(kind, "20", day(0, "0", "-300", added="1000"), baseline=lifted).used == used


def test_capital_that_is_added_after_the_lifting_is_no_gain() -> None:
    """Lifted with 800 of 1,000; 2,000 more came, and 280 of 2,800 were lost."""
    lifted = Baseline(TODAY, D("-0.2"), D(-200))
    today = day(0, "1000", "-480", added="2000")

    assert judged(Kind.DRAWDOWN, "20", today, baseline=lifted).used == 10


# Where a mark is missing


def test_loss_over_days_without_a_mark_counts_once_there_is_one() -> None:
    """Of a coin that was taken off the exchange nobody knows a price until it is settled."""
    days = [
        day(4, "1000", "100"),
        day(3, "1100", worth=("0", None)),
        day(2, None, "10", worth=(None, None)),
        day(1, None, "-230", worth=(None, "-110")),
    ]

    assert judged(Kind.DRAWDOWN, "20", *days).used == 30
    assert judged(Kind.DRAWDOWN, "20", *days, day(0, "770", worth=("-110", "-110"))).used == 30
    # On the day on which there is one, too, and not before.
    settled = day(0, None, "-330", worth=(None, "0"))
    assert judged(Kind.DRAWDOWN, "20", *days[:2], settled).used == 30
    assert judged(Kind.DRAWDOWN, "20", *days[:2], day(0, None, worth=(None, None))).used is None


def test_what_is_added_on_days_without_a_mark_is_a_part_of_what_was_lost_from() -> None:
    days = (
        day(2, "1000", worth=("0", None), added="500"),
        day(1, None, "-300", worth=(None, "0"), added="1500"),
    )
    assert judged(Kind.DRAWDOWN, "20", *days).used == 10


def test_days_without_a_mark_before_the_lifting_do_not_count() -> None:
    lifted = Baseline(TODAY - timedelta(days=2), None, None)
    days = (
        day(3, "1000", worth=("0", None)),
        day(2, None, worth=(None, None)),
        day(1, None, "-500", worth=(None, "0")),
        day(0, "500", "-50"),
    )
    assert judged(Kind.DRAWDOWN, "20", *days, baseline=lifted).used == 10


@given(
    st.lists(st.decimals("-0.5", "0.5", places=4), min_size=1, max_size=12),
    st.decimals("-5000", "5000", places=2),
)
def test_capital_that_comes_and_goes_changes_no_drawdown(
    returns: list[Decimal], moved: Decimal
) -> None:
    """The same daily returns on other amounts of capital are the same drawdown."""

    def chain(starts: list[Decimal]) -> Decimal | None:
        last = len(returns) - 1
        days = [
            Day(TODAY - timedelta(days=last - at), start, D(0), start * each, D(0), D(0))
            for at, (start, each) in enumerate(zip(starts, returns, strict=True))
        ]
        return judge(Kind.DRAWDOWN, D(50), days, today=TODAY, currency="USDT").used

    same = chain([D(10_000)] * len(returns))
    other = chain([D(10_000) + (moved if at % 2 else D(0)) for at in range(len(returns))])
    assert same == other
    assert same is not None
    assert 0 <= same < 100


def test_what_was_judged_says_which_limit() -> None:
    well_below = judged(Kind.DAILY_LOSS, "5", day(0, "1000", "-1"))
    unknown = not_judged(Kind.DRAWDOWN, D(20), NotJudged.BASIS_CHANGED)

    assert well_below == Judged(Kind.DAILY_LOSS, D(5), D("0.1"))
    cause = {"cause": "basis_changed"}
    reason = Reason(Code.LIMIT_NOT_JUDGED, cause)
    assert unknown == Judged(Kind.DRAWDOWN, D(20), None, reason)

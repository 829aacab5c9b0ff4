"""The days of an account with the capital of links that told nothing: each as it was then."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.domain.performance.measures.returns import Day
from capital.models import ArchivedRun, StrategyAccount
from capital.services.allocation.allocate import allocate_capital
from capital.services.archives import archive
from capital.services.limits.silent import with_silent
from tests.factories import forge, make_account, make_link, make_summary

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

NOON = datetime(2026, 3, 10, 3, tzinfo=UTC)
D = Decimal


def day(number: int, start: str | None, added: str | None = "0") -> Day:
    """A day of March on which nothing was earned."""
    start_, added_ = (None if text is None else D(text) for text in (start, added))
    return Day(date(2026, 3, number), start_, added_, D(0), D(0), D(0))


def decide(link: StrategyAccount, days: int, balance: str) -> None:
    at = NOON + timedelta(days=days)
    make_summary(account=link.account, date=at.date(), spot_balance=D(balance), spot_observed_at=at)
    allocate_capital([link.account_id], live=False, clock=lambda: at)


def test_each_day_has_the_capital_that_its_decisions_left_in_the_order_of_days() -> None:
    silent = make_link(account=make_account(max_jump_percent=D(999)))
    beside = make_link()
    decide(beside, -1, "9999")
    # What comes after the days that are asked for is taken back first.
    for days, balance in ((-1, "100"), (1, "160"), (2, "150"), (4, "400"), (5, "1000")):
        decide(silent, days, balance)
    days = [day(each, "1000") for each in (8, 9, 10, 11, 12, 13)]

    assert with_silent(days, [silent.pk]) == [
        day(8, "1000"),
        day(9, "1000", "100"),
        day(10, "1100"),
        day(11, "1100", "60"),
        day(12, "1160", "-10"),
        day(13, "1150"),
    ]


@pytest.mark.parametrize("basis", ["wallet", "equity"])
@pytest.mark.parametrize("is_of_earlier_version", [False, True])
def test_days_of_which_runs_are_in_files_have_the_capital_of_then(
    tmp_path: Path, is_of_earlier_version: bool, basis: str
) -> None:
    silent = make_link(account=make_account(max_jump_percent=D(999), balance_basis=basis))
    for days, balance in ((-1, "100"), (1, "160"), (40, "400"), (90, "1000")):
        decide(silent, days, balance)
    days = [Day(date(2026, 3, each), D(1000), D(0), D(0), D(0), D(0)) for each in (8, 9, 11, 12)]
    days.append(Day(date(2026, 6, 8), D(1000), D(0), D(0), D(0), D(0)))
    before = with_silent(days, [silent.pk])
    assert [each.start for each in before] == [D(1000), D(1000), D(1100), D(1160), D(1400)]

    archive(date(2026, 4, 1), tmp_path, clock=lambda: NOON + timedelta(days=91))
    if is_of_earlier_version:
        for run in ArchivedRun.objects.all():
            forge(run, pnl=None)

    after = with_silent(days, [silent.pk])
    if is_of_earlier_version:
        assert [each.start for each in after] == [None, None, None, D(1160), D(1400)]
        assert [each.added for each in after] == [D(0), None, None, D(0), D(600)]
    else:
        assert after == before


def test_who_came_later_had_nothing_of_archived_runs(tmp_path: Path) -> None:
    account = make_account(max_jump_percent=D(999))
    decide(make_link(account=account), -1, "100")
    late = make_link(account=account)
    for days, balance in ((1, "200"), (90, "500")):
        decide(late, days, balance)
    dates = (date(2026, 3, 9), date(2026, 3, 12), date(2026, 6, 8))
    days = [Day(each, D(1000), D(0), D(0), D(0), D(0)) for each in dates]
    before = with_silent(days, [late.pk])
    assert [each.start for each in before] == [D(1000), D(1100), D(1100)]

    archive(date(2026, 4, 1), tmp_path, clock=lambda: NOON + timedelta(days=91))

    assert with_silent(days, [late.pk]) == before


def test_what_the_first_run_gave_follows_where_it_was_not_recorded(tmp_path: Path) -> None:
    """On a balance that is equity, an earlier version did not say it: nobody had valued before."""
    silent = make_link(account=make_account(max_jump_percent=D(999), balance_basis="equity"))
    for days, balance in ((-1, "100"), (1, "160"), (90, "1000")):
        decide(silent, days, balance)
    dates = (date(2026, 3, 8), date(2026, 3, 10), date(2026, 3, 12), date(2026, 6, 8))
    days = [Day(each, D(1000), D(0), D(0), D(0), D(0)) for each in dates]
    before = with_silent(days, [silent.pk])
    assert [each.start for each in before] == [D(1000), D(1100), D(1160), D(1160)]

    archive(date(2026, 4, 1), tmp_path, clock=lambda: NOON + timedelta(days=91))
    first = ArchivedRun.objects.order_by("run_id")[0]
    counted = first.pnl[str(silent.pk)]
    assert counted["before"]["since"] is None
    forge(first, pnl={str(silent.pk): {**counted, "added": None}})

    assert with_silent(days, [silent.pk]) == before


def test_what_is_not_known_of_the_others_is_not_known_with_them() -> None:
    silent = make_link()
    decide(silent, 0, "100")
    unknown = [day(10, None, None)]

    assert with_silent(unknown, [silent.pk]) == unknown


def test_without_such_links_or_days_the_days_are_as_they_were(
    django_assert_num_queries: Any,
) -> None:
    days = [day(10, "5"), day(11, "6")]

    with django_assert_num_queries(0):
        assert with_silent(days, []) == days
        assert with_silent([], [1]) == []

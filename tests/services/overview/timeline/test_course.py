"""The course of capital: its steps, and what happened beside them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import AllocationRun, SettingChange, StrategyAccount
from capital.services.accounts.registry import change_account, change_link
from capital.services.overview import Timeline, read_timeline
from capital.services.overview.timeline import course
from tests.factories import make_account, make_flow, make_link, make_user
from tests.services.overview.timeline.records import NOW, decided

pytestmark = pytest.mark.django_db

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def reader() -> User:
    return make_user(is_superuser=True)


def read(user: User, account: Any, *, since: datetime = NOW - 10 * DAY) -> Timeline:
    links = StrategyAccount.objects.filter(account=account)
    return read_timeline(links, user, since=since, until=NOW)


def test_steps_begin_with_what_was_there_and_end_with_the_days(reader: User):
    link = make_link()
    decided(link, None, "1", NOW - 20 * DAY)
    decided(link, "1", "2", NOW - 3 * DAY)
    decided(link, "2", "2", NOW - 2 * DAY)
    decided(link, "2", "3", NOW - DAY)
    decided(link, "3", "4", NOW + SECOND)
    decided(make_link(), None, "9", NOW - DAY)

    (only,) = read(reader, link.account).courses

    assert [(step.at, step.amount) for step in only.steps] == [
        (NOW - 10 * DAY, 1),
        (NOW - 3 * DAY, 2),
        (NOW - 2 * DAY, 2),
        (NOW - DAY, 3),
    ]


def test_nothing_recorded_is_a_course_of_one_step_and_no_events(reader: User):
    link = make_link()
    empty = read(reader, link.account)

    assert [[step.amount for step in each.steps] for each in empty.courses] == [[None]]
    assert empty.events == []


def test_events_are_runs_that_changed_something_or_could_not_the_newest_first(reader: User):
    link = make_link()
    changed = decided(link, None, "3", NOW - 4 * DAY)
    decided(link, "3", "3", NOW - 3 * DAY)
    paused = decided(link, "3", "0", NOW - 2 * DAY, code="strategy_paused")
    fields: dict[str, Any] = {"account": link.account, "trigger": "schedule"}
    held = AllocationRun.objects.create(
        **fields, run_key="h", outcome="held", code="open_position", created_at=NOW - DAY
    )
    AllocationRun.objects.create(
        **fields, run_key="u", outcome="unchanged", code="unchanged", created_at=NOW - HOUR
    )
    AllocationRun.objects.create(
        **fields, run_key="o", outcome="held", code="open_position", created_at=NOW - 11 * DAY
    )

    events = read(reader, link.account).events

    assert [event.run for event in events] == [held, paused, changed]
    assert [[each.is_pause for each in event.changes] for event in events] == [[], [True], [False]]
    assert [(each.before, each.after) for each in events[1].changes] == [(3, 0)]


def test_money_that_came_and_went_counts_once_and_only_for_who_may_see_it(reader: User):
    link = make_link()
    deposit = make_flow(link.account, occurred_at=NOW - DAY)
    make_flow(link.account, occurred_at=NOW - 11 * DAY)
    make_flow(link.account, occurred_at=NOW - DAY, kind="funding")
    make_flow(make_account(), occurred_at=NOW - DAY)
    wrong = make_flow(link.account, occurred_at=NOW - HOUR)
    make_flow(link.account, occurred_at=NOW - HOUR, amount=Decimal(-1000), reverses=wrong)
    told_twice = make_flow(link.account, occurred_at=NOW - 2 * DAY)
    told = make_flow(link.account, occurred_at=NOW - 2 * DAY, source="venue", matches=told_twice)

    assert [event.flow for event in read(reader, link.account).events] == [deposit, told]
    assert read(make_user(), link.account).events == []


def test_pauses_are_told_with_who_placed_them(reader: User):
    link = make_link()
    fields: dict[str, Any] = {"verb": "changed", "created_at": NOW - DAY}
    status = {"status": {"old": "ACTIVE", "new": "PAUSED"}}
    is_active = {"is_active": {"old": True, "new": False}}
    of_strategy = SettingChange.objects.create(
        row="strategy", name="x", strategy=link.strategy, values=status, actor=reader, **fields
    )
    of_link = SettingChange.objects.create(
        row="link", account=link.account, name=link.recorded_name, values=is_active, **fields
    )
    of_account = SettingChange.objects.create(
        row="account", name="x", account=link.account, values=is_active, **fields
    )
    # One that is gone since, whose key ends as that of the link does.
    gone = f"not-{link.recorded_name}"
    others: list[dict[str, Any]] = [
        {"row": "link", "account": link.account, "name": gone, "values": is_active},
        {"row": "link", "account": make_account(), "name": link.recorded_name, "values": is_active},
        {"row": "strategy", "strategy": make_link().strategy, "values": status},
        {"row": "account", "account": link.account, "values": {"name": {"old": "", "new": "x"}}},
    ]
    for other in others:
        SettingChange.objects.create(**{"name": "x", **other}, **fields)

    found = {event.setting for event in read(reader, link.account).events}

    assert found == {of_strategy, of_link, of_account}
    assert read(make_user(), link.account).events == []


def test_a_link_that_is_switched_off_is_told_as_it_is_recorded(reader: User):
    link = make_link(account=make_account(name="Before"))
    beside = make_link(account=link.account)
    change_link(link.pk, is_active=False, actor=None)
    # Its record is called as the account was then.
    change_account(link.account_id, name="Renamed", actor=None)
    (recorded,) = SettingChange.objects.filter(row="link")
    at = recorded.created_at + HOUR

    def told(links: list[StrategyAccount]) -> list[SettingChange | None]:
        rows = StrategyAccount.objects.filter(pk__in=[each.pk for each in links])
        events = read_timeline(rows, reader, since=at - DAY, until=at).events
        return [event.setting for event in events if event.setting is not None]

    assert told([link]) == [recorded]
    assert told([link, beside]) == [recorded]
    assert told([beside]) == []


def test_links_with_most_capital_are_drawn_and_the_others_counted(
    reader: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(course, "MOST_LINES", 2)
    account = make_account()
    for amount in ("1", "3", "2"):
        decided(make_link(account=account), None, amount, NOW - DAY)
    make_link(account=account)

    timeline = read(reader, account)

    assert [each.link.capital.allocated_capital for each in timeline.courses] == [3, 2]
    assert timeline.left_out == 2


def test_cost_in_queries_does_not_depend_on_links_and_runs(reader: User):
    account = make_account()

    def cost() -> int:
        link = make_link(account=account)
        decided(link, None, "1", NOW - 2 * DAY)
        decided(link, "1", "2", NOW - DAY)
        with CaptureQueriesContext(connection) as queries:
            read(reader, account)
        return len(queries)

    first = cost()
    assert [cost(), cost()] == [first, first]

"""The schedules are what is configured, and stay what they are when nothing changed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError
from django.test import override_settings
from django_q.brokers import get_broker
from django_q.models import OrmQ, Schedule
from django_q.scheduler import scheduler

from capital.services.jobs import check_health, schedules
from capital.services.jobs.schedules import bring_back, set_next_time, sync_schedules
from capital_project.settings import TIME_ZONE
from tests import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

SEOUL = ZoneInfo("Asia/Seoul")
NOON = datetime(2026, 3, 5, 12, 0, 20, tzinfo=SEOUL)
OFTEN = {"sync_balances", "reallocate_due", "sync_fills", "watch"}
# Later than midnight, by an hour or more.
DAILY = {"prune", "check_keys", "send_digest"}


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: Any) -> Iterator[None]:
    # The scheduler drops old connections; the one that holds a test's transaction must stay.
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    with time_machine.travel(NOON, tick=False):
        Schedule.objects.all().delete()
        yield


def described() -> dict[str | None, tuple[Any, ...]]:
    return {
        row.name: (row.func, row.schedule_type, row.minutes, row.cron, row.next_run)
        for row in Schedule.objects.all()
    }


def test_every_job_is_scheduled_at_its_time() -> None:
    assert clock.ZONE or TIME_ZONE == "Asia/Seoul"
    counts = sync_schedules()

    minute = datetime(2026, 3, 5, 12, 1, tzinfo=SEOUL)
    assert counts == {"created": 9, "changed": 0, "unchanged": 0, "removed": 0}
    assert described() == {
        "sync_fills": ("capital.tasks.sync_fills", "I", 5, None, minute),
        "sync_balances": ("capital.tasks.sync_balances", "I", 1, None, minute),
        "reallocate_due": ("capital.tasks.reallocate_due", "I", 11, None, minute),
        "sync_markets": ("capital.tasks.sync_markets", "I", 720, None, minute),
        "close_day": (
            "capital.tasks.close_day", "O", None, None,
            datetime(2026, 3, 6, 0, 0, 30, tzinfo=SEOUL),
        ),
        "prune": (
            "capital.tasks.prune", "O", None, None,
            datetime(2026, 3, 6, 3, 30, tzinfo=SEOUL),
        ),
        "check_keys": (
            "capital.tasks.check_keys", "O", None, None,
            datetime(2026, 3, 6, 4, 30, tzinfo=SEOUL),
        ),
        "watch": ("capital.tasks.watch", "I", 1, None, minute),
        "send_digest": (
            "capital.tasks.send_digest", "O", None, None,
            datetime(2026, 3, 6, 8, tzinfo=SEOUL),
        ),
    }  # fmt: skip


def test_a_job_without_minutes_is_not_scheduled_and_no_longer_if_it_was() -> None:
    sync_schedules()

    with override_settings(CAPITAL_SYNC_FILLS_MINUTES=0):
        assert sync_schedules() == {"created": 0, "changed": 0, "unchanged": 8, "removed": 1}
        assert "sync_fills" not in described()
        assert "sync_fills" not in {job.name for job in check_health().jobs}
    assert sync_schedules()["created"] == 1


def test_every_task_learns_its_intended_time() -> None:
    sync_schedules()

    assert set(Schedule.objects.values_list("intended_date_kwarg", flat=True)) == {"intended"}


def test_again_changes_nothing_and_keeps_the_next_run() -> None:
    sync_schedules()
    before = described()

    with time_machine.travel(NOON + timedelta(hours=30)):
        counts = sync_schedules()

    assert counts == {"created": 0, "changed": 0, "unchanged": 9, "removed": 0}
    assert described() == before


def test_a_changed_setting_changes_its_schedule_and_no_other(settings: Any) -> None:
    sync_schedules()
    before = described()
    settings.CAPITAL_REALLOCATE_MINUTES = 5
    settings.CAPITAL_CLOSE_DAY_AT = time(0, 1)

    with time_machine.travel(NOON + timedelta(minutes=30)):
        counts = sync_schedules()

    after = described()
    assert counts == {"created": 0, "changed": 2, "unchanged": 7, "removed": 0}
    assert after["reallocate_due"][2:] == (5, None, datetime(2026, 3, 5, 12, 31, tzinfo=SEOUL))
    assert after["close_day"][3:] == (None, datetime(2026, 3, 6, 0, 1, tzinfo=SEOUL))
    assert (after["sync_balances"], after["prune"]) == (before["sync_balances"], before["prune"])


def test_what_was_tampered_with_is_put_right_without_losing_its_slot() -> None:
    sync_schedules()
    before = described()
    Schedule.objects.filter(name="prune").update(intended_date_kwarg=None, kwargs="{'x': 1}")

    assert sync_schedules()["changed"] == 1
    assert described() == before
    assert Schedule.objects.get(name="prune").kwargs is None


def test_a_time_that_was_lost_is_set_again() -> None:
    sync_schedules()
    before = described()
    Schedule.objects.filter(name__in=["prune", "sync_balances"]).update(next_run=None)

    assert sync_schedules()["changed"] == 2
    assert described() == before


def test_another_zone_moves_the_daily_jobs_and_no_other(settings: Any) -> None:
    sync_schedules()
    before = described()
    settings.TIME_ZONE = "Europe/Zurich"

    assert sync_schedules()["changed"] == 4

    after = described()
    zurich = ZoneInfo("Europe/Zurich")
    assert after["close_day"][-1] == datetime(2026, 3, 6, 0, 0, 30, tzinfo=zurich)
    assert after["prune"][-1] == datetime(2026, 3, 6, 3, 30, tzinfo=zurich)
    assert {name for name in after if after[name] != before[name]} == {"close_day", *DAILY}


@pytest.mark.parametrize(
    ("seconds", "next_day"), [(-1, 6), (0, 6), (1, 7)], ids=["before", "at", "after"]
)
def test_a_cron_of_before_is_replaced_and_what_is_due_is_still_done(
    seconds: int, next_day: int
) -> None:
    midnight = datetime(2026, 3, 6, 0, 0, 30, tzinfo=SEOUL)
    sync_schedules()
    Schedule.objects.filter(name="close_day").update(
        schedule_type="C", cron="0 0 * * * 30", repeats=-1
    )

    with time_machine.travel(midnight + timedelta(seconds=seconds), tick=False):
        assert sync_schedules()["changed"] == 1
        queued = [func for func, _ in queued_by_the_scheduler()]

    assert ("capital.tasks.close_day" in queued) is (seconds > 0)
    due = datetime(2026, 3, next_day, 0, 0, 30, tzinfo=SEOUL)
    assert described()["close_day"] == ("capital.tasks.close_day", "O", None, None, due)


def test_removed_and_double_schedules_vanish_and_those_of_others_stay() -> None:
    sync_schedules()
    Schedule.objects.create(name="prune", func="capital.tasks.prune")
    Schedule.objects.create(name="long_gone", func="capital.tasks.long_gone")
    Schedule.objects.create(name="theirs", func="somebody.elses")

    assert sync_schedules()["removed"] == 2
    assert {name for name in described() if name} == {
        "sync_balances", "reallocate_due", "sync_fills", "close_day", "sync_markets", "watch",
        *DAILY, "theirs",
    }  # fmt: skip
    assert Schedule.objects.filter(name="prune").count() == 1


def test_migrating_registers_them() -> None:
    call_command("migrate", verbosity=0)

    assert Schedule.objects.count() == 9


def test_a_database_that_is_not_migrated_all_the_way_does_not_stop_the_migration(
    monkeypatch: Any, caplog: Any
) -> None:
    def refuse(**_: Any) -> None:
        raise DatabaseError("no such table: a text of the database")

    monkeypatch.setattr(schedules, "sync_schedules", refuse)
    schedules.sync_schedules_after_migration()

    assert "python manage.py sync_schedules" in caplog.text
    assert "no such table" not in caplog.text


def test_the_command_says_what_it_did() -> None:
    stdout = StringIO()
    call_command("sync_schedules", stdout=stdout)

    assert stdout.getvalue().strip() == ("Schedules: 9 created, 0 changed, 0 unchanged, 0 removed.")


def queued_by_the_scheduler() -> list[tuple[Any, ...]]:
    scheduler(broker=get_broker())
    return [(row.task["func"], row.task["kwargs"]) for row in OrmQ.objects.order_by("pk")]


def test_a_slot_is_queued_with_its_intended_time_in_utc() -> None:
    sync_schedules()

    with time_machine.travel(NOON + timedelta(seconds=45), tick=False):
        queued = queued_by_the_scheduler()

    assert queued == [
        ("capital.tasks.sync_balances", {"intended": "2026-03-05T03:01:00+00:00"}),
        ("capital.tasks.reallocate_due", {"intended": "2026-03-05T03:01:00+00:00"}),
        ("capital.tasks.sync_fills", {"intended": "2026-03-05T03:01:00+00:00"}),
        ("capital.tasks.sync_markets", {"intended": "2026-03-05T03:01:00+00:00"}),
        ("capital.tasks.watch", {"intended": "2026-03-05T03:01:00+00:00"}),
    ]


def test_after_a_pause_each_job_runs_once_and_stays_on_its_grid() -> None:
    sync_schedules()

    with time_machine.travel(datetime(2026, 3, 5, 14, 0, 0, tzinfo=SEOUL), tick=False):
        queued = queued_by_the_scheduler()

    assert len(queued) == 5
    assert described()["reallocate_due"][-1] == datetime(2026, 3, 5, 14, 2, tzinfo=SEOUL)


def test_the_day_is_closed_at_half_a_minute_past_midnight_in_seoul() -> None:
    sync_schedules()
    seen = []
    for day in (6, 7, 8):
        with time_machine.travel(datetime(2026, 3, day, 0, 0, 45, tzinfo=SEOUL), tick=False):
            scheduler(broker=get_broker())
            seen.append(described()["close_day"][-1].astimezone(SEOUL))

    assert seen == [datetime(2026, 3, day, 0, 0, 30, tzinfo=SEOUL) for day in (7, 8, 9)]
    intended = [
        datetime.fromisoformat(row.task["kwargs"]["intended"]).astimezone(UTC).isoformat()
        for row in OrmQ.objects.order_by("pk")
        if row.task["func"] == "capital.tasks.close_day"
    ]
    assert intended == [f"2026-03-0{day}T15:00:30+00:00" for day in (5, 6, 7)]


@override_settings(TIME_ZONE="Africa/Cairo")
def test_a_midnight_that_does_not_exist_moves_one_slot_only(monkeypatch: Any) -> None:
    """In Cairo clocks went from 00:00 to 01:00 on 2026-04-24."""
    monkeypatch.setattr("django_q.conf.Conf.TIME_ZONE", "Africa/Cairo")
    cairo = ZoneInfo("Africa/Cairo")
    seen = []
    with time_machine.travel(datetime(2026, 4, 23, 12, tzinfo=cairo), tick=False):
        sync_schedules()
    for day in (24, 25, 26):
        with time_machine.travel(datetime(2026, 4, day, 9, tzinfo=cairo), tick=False):
            scheduler(broker=get_broker())
            seen.append(described()["close_day"][-1].astimezone(cairo).isoformat())

    assert seen == [f"2026-04-{day}T00:00:30+03:00" for day in (25, 26, 27)]


def queued_round_the_clock(
    name: str, first: datetime, *, hours: int, monkeypatch: Any
) -> list[datetime]:
    """The intended times of a job's tasks, with the scheduler looking every quarter of an hour."""
    monkeypatch.setattr("django_q.conf.Conf.TIME_ZONE", str(first.tzinfo))
    start = first.astimezone(UTC)
    with time_machine.travel(start, tick=False):
        sync_schedules()
    Schedule.objects.exclude(name=name).delete()
    for quarter in range(hours * 4):
        with time_machine.travel(start + quarter * timedelta(minutes=15, seconds=1), tick=False):
            scheduler(broker=get_broker())
    tasks = [row.task for row in OrmQ.objects.order_by("pk")]
    return [datetime.fromisoformat(task["kwargs"]["intended"]) for task in tasks]


@pytest.mark.parametrize(
    ("zone", "setting", "at", "day", "expected"),
    [
        # 04:00 is 03:00 again.
        ("Europe/Helsinki", "CAPITAL_PRUNE_AT", time(3, 30), date(2026, 10, 25),
         ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]),
        # 01:00 is 00:00 again.
        ("America/Havana", "CAPITAL_CLOSE_DAY_AT", time(0, 0, 30), date(2026, 11, 1),
         ["2026-11-01T04:00:30", "2026-11-02T05:00:30"]),
        # 03:00 is 02:00 again.
        ("Europe/Berlin", "CAPITAL_PRUNE_AT", time(2, 30), date(2026, 10, 25),
         ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]),
        # 02:00 to 03:00 is missing.
        ("Europe/Berlin", "CAPITAL_PRUNE_AT", time(2, 30), date(2026, 3, 29),
         ["2026-03-29T01:30:00", "2026-03-30T00:30:00"]),
    ],
    ids=["Helsinki", "Havana", "Berlin", "Berlin-in-spring"],
)  # fmt: skip
def test_where_clocks_change_each_day_has_one_task(
    zone: str, setting: str, at: time, day: date, expected: list[str],
    settings: Any, monkeypatch: Any,
) -> None:  # fmt: skip
    setattr(settings, setting, at)
    settings.TIME_ZONE = zone
    name = {"CAPITAL_PRUNE_AT": "prune", "CAPITAL_CLOSE_DAY_AT": "close_day"}[setting]

    seen = queued_round_the_clock(
        name,
        datetime.combine(day, time(), tzinfo=ZoneInfo(zone)),
        hours=44,
        monkeypatch=monkeypatch,
    )

    assert [moment.isoformat() for moment in seen] == [f"{text}+00:00" for text in expected]


def test_a_clock_that_is_set_back_does_not_bring_a_day_twice() -> None:
    sync_schedules()
    Schedule.objects.exclude(name="close_day").delete()
    midnight = datetime(2026, 3, 6, 0, 0, 45, tzinfo=SEOUL)
    for moment in (midnight, midnight - timedelta(minutes=10), midnight):
        with time_machine.travel(moment, tick=False):
            scheduler(broker=get_broker())

    assert OrmQ.objects.count() == 1
    assert described()["close_day"][-1] == datetime(2026, 3, 7, 0, 0, 30, tzinfo=SEOUL)


def test_the_next_time_is_later_than_the_last_whatever_was_done_to_the_clock() -> None:
    due = datetime(2026, 3, 6, 0, 0, 30, tzinfo=SEOUL)
    row = Schedule(
        name="close_day", func="capital.tasks.close_day", schedule_type="O", repeats=0, next_run=due
    )

    set_next_time(row, clock=lambda: due - timedelta(minutes=10))

    assert (row.repeats, row.next_run) == (1, due + timedelta(days=1))


def test_a_schedule_of_others_gets_no_next_time() -> None:
    sync_schedules()
    row = Schedule.objects.get(name="prune")
    Schedule.objects.filter(pk=row.pk).update(func="somebody.elses", repeats=0)
    strange = Schedule.objects.get(pk=row.pk)
    strange.save()

    assert Schedule.objects.get(pk=row.pk).repeats == 0


def test_a_task_that_cannot_be_queued_keeps_its_time(monkeypatch: Any) -> None:
    sync_schedules()
    before = described()

    def refuse(*_: Any, **__: Any) -> None:
        raise DatabaseError("disk is on fire")

    monkeypatch.setattr("django_q.scheduler.async_task", refuse)
    with time_machine.travel(datetime(2026, 3, 6, 0, 0, 45, tzinfo=SEOUL), tick=False):
        scheduler(broker=get_broker())

    assert described() == before


# A clock that is set back


def test_what_a_clock_that_was_set_back_reaches_much_later_is_due_before(caplog: Any) -> None:
    sync_schedules()
    Schedule.objects.create(name="theirs", func="somebody.elses", next_run=NOON + timedelta(9))
    locks = (("lost", "capital", 421), ("pulled", "capital", 420), ("theirs", "other", 9999))
    for payload, key, seconds in locks:
        lock = NOON + timedelta(seconds=seconds)
        OrmQ.objects.create(key=key, payload=payload, lock=lock)
    before = described()

    moved = bring_back(clock=lambda: NOON)

    assert moved == 1
    assert described() == before
    assert dict(OrmQ.objects.values_list("payload", "lock")) == {
        "lost": NOON + timedelta(seconds=300),
        "pulled": NOON + timedelta(seconds=420),
        "theirs": NOON + timedelta(seconds=9999),
    }
    assert "The clock was set back: 0 schedules and 1 tasks" in caplog.text


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        # Every minute; two minutes may lie between the clocks of two machines.
        (-1, set()),
        (-2, set()),
        (-3, {"sync_balances", "watch"}),
        (-6, {"sync_balances", "watch"}),
        (-7, {"sync_balances", "watch", "sync_fills"}),
        (-12, {"sync_balances", "watch", "sync_fills"}),
        (-13, OFTEN),
        (-60 * 12, OFTEN),
        (-60 * 13, {*OFTEN, "sync_markets"}),
        # A daily one may have run today.
        (-60 * 24, {*OFTEN, "sync_markets"}),
        (-60 * 36, {*OFTEN, "sync_markets", *DAILY}),
        (-60 * 48, {*OFTEN, "sync_markets", "close_day", *DAILY}),
    ],
)
def test_a_job_waits_no_longer_than_it_ever_does(minutes: int, expected: set[str]) -> None:
    sync_schedules()
    before = described()
    now = NOON + timedelta(minutes=minutes)

    assert bring_back(clock=lambda: now) == len(expected)

    after = described()
    assert {name for name in after if after[name] != before[name]} == expected
    for name in expected & {*OFTEN, "sync_markets"}:
        # No whole minute, of which the slot may be done.
        assert after[name][-1] == now
    if "close_day" in expected:
        assert after["close_day"][-1] == datetime(2026, 3, 4, 0, 0, 30, tzinfo=SEOUL)
        assert after["prune"][-1] == datetime(2026, 3, 4, 3, 30, tzinfo=SEOUL)
    assert bring_back(clock=lambda: now) == 0

"""What is late, who is alive, and what the commands and probes say of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import Error, OperationalError
from django.test import Client, override_settings
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from capital.models import Account, ClusterHeartbeat, JobRun, Stop
from capital.models.queries import clock as database_clock
from capital.services import schema
from capital.services.jobs import clusters
from capital.services.jobs import health as health_service
from capital.services.jobs.clusters import (
    forget_heartbeat,
    is_clock_wrong,
    is_process,
    is_silent,
    record_heartbeat,
)
from capital.services.jobs.health import (
    Health,
    JobHealth,
    check_health,
    check_readiness,
    refused_tasks,
)
from capital.services.jobs.schedules import sync_schedules
from capital.services.jobs.table import REFUSED
from tests.commands.running import run
from tests.factories import make_account

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 5, 3, 11, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _scheduled(seoul: None) -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        Schedule.objects.all().delete()
        sync_schedules()
        yield


def finish(name: str, *, ago: timedelta, error: str = "", **fields: Any) -> JobRun:
    at = NOW - ago
    return JobRun.objects.create(
        **{"name": name, "started_at": at, "finished_at": at, "error": error, **fields}
    )


def all_is_well() -> None:
    for name in (
        "sync_balances",
        "reallocate_due",
        "sync_fills",
        "close_day",
        "sync_markets",
        "prune",
    ):
        finish(name, ago=timedelta(seconds=50))
    record_heartbeat(pid=7, is_first=True)


def of(name: str, health: Health | None = None) -> JobHealth:
    return next(job for job in (health or check_health()).jobs if job.name == name)


# Lateness


@pytest.mark.parametrize(
    ("name", "ago", "late_seconds", "is_late"),
    [
        ("sync_balances", timedelta(seconds=60), 0, False),
        ("sync_balances", timedelta(seconds=240), 180, False),
        ("sync_balances", timedelta(seconds=241), 181, True),
        ("reallocate_due", timedelta(minutes=17), 360, False),
        ("reallocate_due", timedelta(minutes=18), 420, True),
        # It is 12:11:10 in Seoul: the day was to be closed 12:10:40 ago.
        ("close_day", timedelta(hours=12), 0, False),
        ("close_day", timedelta(hours=13), 43840, True),
        ("prune", timedelta(hours=8), 0, False),
        ("prune", timedelta(hours=9), 8 * 3600 + 41 * 60 + 10, True),
    ],
)
def test_a_job_is_late_when_its_next_success_is_overdue(
    name: str, ago: timedelta, late_seconds: int, is_late: bool
) -> None:
    finish(name, ago=ago)

    job = of(name)

    assert job.as_json()["late_seconds"] == late_seconds
    assert job.is_late is is_late


def test_a_job_that_never_ran_is_late_from_its_first_slot() -> None:
    assert of("sync_balances").is_late is False
    with time_machine.travel(NOW + timedelta(minutes=4), tick=False):
        assert of("sync_balances").is_late is True


def test_a_job_that_only_ever_failed_is_late_although_its_schedule_goes_on() -> None:
    finish("sync_balances", ago=timedelta(minutes=10), error="job_failed: It stopped.")

    job = of("sync_balances")

    assert (job.last_success_at, job.is_late) == (None, True)
    assert job.last_error == "job_failed: It stopped."


def test_a_job_that_is_not_scheduled_is_late() -> None:
    all_is_well()
    Schedule.objects.filter(name="prune").delete()

    assert of("prune").is_late is True
    assert of("prune").next_run_at is None
    assert of("prune").last_run_at == NOW - timedelta(seconds=50)
    JobRun.objects.filter(name="prune").delete()
    assert of("prune").is_late is True
    assert of("prune").last_run_at is None


def test_a_success_ends_an_error() -> None:
    finish("sync_balances", ago=timedelta(seconds=90), error="job_failed: It stopped.")
    finish("sync_balances", ago=timedelta(seconds=30))

    assert of("sync_balances").last_error == ""


def test_an_error_is_told_while_the_job_is_tried_again() -> None:
    finish("sync_balances", ago=timedelta(seconds=90), error="job_failed: It stopped.")
    finish("sync_balances", ago=timedelta(seconds=30), finished_at=None)

    assert of("sync_balances").last_error == "job_failed: It stopped."


def test_what_was_refused_lately_is_told_newest_first() -> None:
    finish(REFUSED, ago=timedelta(days=7), error="Too long ago.")
    finish(REFUSED, ago=timedelta(days=6), error="The first.")
    finish("prune", ago=timedelta(days=1), error="No task of others.")
    finish(REFUSED, ago=timedelta(days=1), error="The second.")

    assert [each.reason for each in refused_tasks()] == ["The second.", "The first."]


@pytest.mark.parametrize(
    "fields", [{"finished_at": None}, {"chunk": 1}, {"error": "x"}], ids=lambda field: str(field)
)
def test_what_runs_and_what_is_a_part_and_what_failed_is_no_success(fields: dict[str, Any]) -> None:
    finish("sync_balances", ago=timedelta(seconds=30), **fields)

    assert of("sync_balances").last_success_at is None


def test_each_job_is_told_of_its_own_runs() -> None:
    finish("close_day", ago=timedelta(days=3), error="job_failed: Another stopped.")
    finish("sync_balances", ago=timedelta(seconds=60))
    finish("reallocate_due", ago=timedelta(minutes=10), error="job_failed: It stopped.")
    finish("prune", ago=timedelta(seconds=1), error="job_failed: Another stopped.")

    sync, reallocate = of("sync_balances"), of("reallocate_due")

    assert (sync.last_run_at, sync.last_error) == (NOW - timedelta(seconds=60), "")
    assert (reallocate.last_run_at, reallocate.last_success_at, reallocate.last_error) == (
        NOW - timedelta(minutes=10),
        None,
        "job_failed: It stopped.",
    )
    assert reallocate.lateness == timedelta(minutes=10)


# Heartbeats


@pytest.fixture(autouse=True)
def _every_cluster_is_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their numbers are made up."""
    monkeypatch.setattr(clusters, "is_process", lambda _pid: True)


def test_a_heartbeat_is_one_row_a_process() -> None:
    for seconds in (0, 6, 12):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            record_heartbeat(pid=7, is_first=seconds == 0)
    record_heartbeat(pid=8, is_first=True)

    beat = ClusterHeartbeat.objects.get(pid=7)
    assert (beat.started_at, beat.beat_at) == (NOW, NOW + timedelta(seconds=12))
    assert ClusterHeartbeat.objects.count() == 2


def test_a_process_number_that_is_used_again_is_a_new_process() -> None:
    record_heartbeat(pid=7, is_first=True)
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        record_heartbeat(pid=7, is_first=True)

    assert ClusterHeartbeat.objects.get().started_at == NOW + timedelta(hours=1)


def test_a_process_that_has_ended_and_was_not_asked_for_is_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert not is_process(child.pid)
    assert is_process(os.getpid())
    assert child.wait() == 0
    assert not is_process(child.pid)


def test_a_cluster_takes_the_place_of_one_that_was_killed_and_of_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two that were killed, one that nothing starts again is still told as silent."""
    elsewhere = ClusterHeartbeat.objects.create(
        host="elsewhere", pid=7, started_at=NOW, beat_at=NOW
    )
    for seconds, pid in enumerate((7, 8, 9)):
        with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
            record_heartbeat(pid=pid, is_first=True)
    monkeypatch.setattr(clusters, "is_process", lambda pid: pid not in (7, 8))

    record_heartbeat(pid=9, is_first=False)
    assert ClusterHeartbeat.objects.count() == 4

    record_heartbeat(pid=10, is_first=True)
    left = [beat.pid for beat in ClusterHeartbeat.objects.exclude(pk=elsewhere.pk)]
    assert left == [7, 9, 10]

    record_heartbeat(pid=11, is_first=True)
    left = [beat.pid for beat in ClusterHeartbeat.objects.exclude(pk=elsewhere.pk)]
    assert left == [9, 10, 11]


def test_a_cluster_that_stopped_is_forgotten_and_the_others_are_not() -> None:
    record_heartbeat(pid=7, is_first=True)
    record_heartbeat(pid=8, is_first=True)

    forget_heartbeat(pid=7)

    assert [beat.pid for beat in ClusterHeartbeat.objects.all()] == [8]


@pytest.mark.parametrize(("seconds", "is_alive"), [(0, True), (120, True), (121, False)])
def test_a_cluster_is_alive_while_it_may_just_be_busy(seconds: int, is_alive: bool) -> None:
    record_heartbeat(pid=7, is_first=True)

    with time_machine.travel(NOW + timedelta(seconds=seconds), tick=False):
        [cluster] = check_health().clusters

    assert (cluster.is_alive, cluster.age) == (is_alive, timedelta(seconds=seconds))


def test_a_cluster_is_silent_only_after_it_was_heard() -> None:
    record_heartbeat(pid=7, is_first=True)

    assert (is_silent(pid=7), is_silent(pid=8)) == (False, False)
    with time_machine.travel(NOW + timedelta(seconds=121), tick=False):
        assert (is_silent(pid=7), is_silent(pid=8)) == (True, False)


def test_same_process_number_on_another_machine_is_another_cluster() -> None:
    elsewhere = NOW - timedelta(hours=1)
    ClusterHeartbeat.objects.create(
        host="elsewhere", pid=7, started_at=elsewhere, beat_at=elsewhere
    )

    assert is_silent(pid=7) is False
    record_heartbeat(pid=7, is_first=True)
    record_heartbeat(pid=7, is_first=False)
    assert ClusterHeartbeat.objects.get(host="elsewhere").beat_at == elsewhere
    assert ClusterHeartbeat.objects.count() == 2

    forget_heartbeat(pid=7)

    assert [beat.host for beat in ClusterHeartbeat.objects.all()] == ["elsewhere"]


# Clocks that differ


@pytest.fixture
def database_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the database's clock by so many seconds back, so that ours is ahead."""

    def set_it(seconds: float) -> None:
        told = lambda: timezone.now() - timedelta(seconds=seconds)  # noqa: E731
        monkeypatch.setattr(database_clock, "database_now", told)

    return set_it


@pytest.mark.parametrize(
    ("seconds", "is_wrong"),
    [(0, False), (60, False), (-60, False), (60.1, True), (-60.1, True), (3600, True)],
)
def test_a_cluster_whose_clock_is_off_is_not_alive(
    database_at: Callable[[float], None], seconds: float, is_wrong: bool
) -> None:
    database_at(seconds)

    assert record_heartbeat(pid=7, is_first=True) is is_wrong
    assert is_clock_wrong() is is_wrong
    assert record_heartbeat(pid=7, is_first=False) is is_wrong

    [cluster] = check_health().clusters
    assert cluster.is_alive is not is_wrong
    whole = {60.1: 61, -60.1: -61, 3600: 3600}
    assert cluster.clock_ahead == timedelta(seconds=whole[seconds] if is_wrong else 0)
    assert check_health().is_a_clock_wrong is is_wrong


def test_a_clock_that_is_right_again_is_forgotten(database_at: Callable[[float], None]) -> None:
    database_at(3600)
    record_heartbeat(pid=7, is_first=True)
    database_at(0)
    record_heartbeat(pid=7, is_first=False)

    [cluster] = check_health().clusters
    assert (cluster.is_alive, cluster.clock_ahead) == (True, timedelta())


def test_another_cluster_s_clock_says_nothing_of_ours(
    database_at: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_heartbeat(pid=7, is_first=True)
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    database_at(-600)
    record_heartbeat(pid=7, is_first=True)

    alive = {cluster.host: cluster.is_alive for cluster in check_health().clusters}
    assert len(alive) == 2
    assert [host for host in alive if not alive[host]] == ["elsewhere"]


def test_age_of_a_heartbeat_is_that_of_its_cluster_s_own_clock(
    database_at: Callable[[float], None],
) -> None:
    with time_machine.travel(NOW - timedelta(minutes=10), tick=False):
        database_at(-600)
        record_heartbeat(pid=7, is_first=True)

    [cluster] = check_health().clusters
    assert (cluster.age, cluster.clock_ahead) == (timedelta(), timedelta(minutes=-10))


@pytest.mark.parametrize(("seconds", "said"), [(95, "0:01:35 ahead"), (-600, "0:10:00 behind")])
def test_jobs_says_whose_clock_is_off_by_how_much(
    database_at: Callable[[float], None], seconds: int, said: str
) -> None:
    all_is_well()
    database_at(seconds)
    record_heartbeat(pid=7, is_first=False)

    code, output = jobs()
    assert code == 1
    assert f"clock {said}" in output
    assert "takes no tasks" in output
    assert "No worker cluster is running." in output
    [cluster] = json.loads(jobs("--json")[1])["clusters"]
    assert (cluster["is_alive"], cluster["clock_ahead_seconds"]) == (False, seconds)


# All of it


def test_all_is_well() -> None:
    all_is_well()

    assert check_health().is_healthy is True


def test_without_a_live_cluster_nothing_is_well() -> None:
    all_is_well()
    ClusterHeartbeat.objects.update(beat_at=NOW - timedelta(minutes=3))

    assert check_health().is_healthy is False


@pytest.mark.parametrize(("seconds", "is_healthy"), [(300, True), (301, False)])
def test_a_task_that_waits_too_long_means_that_something_is_wrong(
    seconds: int, is_healthy: bool
) -> None:
    all_is_well()
    OrmQ.objects.create(key="capital", payload="", lock=NOW - timedelta(seconds=seconds))

    health = check_health()

    assert health.oldest_wait == timedelta(seconds=seconds)
    assert health.is_healthy is is_healthy


def test_checking_costs_a_few_queries(django_assert_max_num_queries: Any) -> None:
    all_is_well()

    with django_assert_max_num_queries(5):
        check_health()


# Exchanges


def unread(venue: str, code: str = "exchange_unreachable", **fields: Any) -> Account:
    return make_account(venue=venue, connection_code=code, **fields)


def test_accounts_that_could_not_be_read_are_counted_by_exchange_and_code() -> None:
    for _ in range(2):
        unread("okx")
    unread("okx", "auth_failed")
    unread("bybit")
    for _ in range(5):
        make_account(venue="binance")
    unread("upbit", is_active=False)
    unread("upbit", "live_disabled")

    accounts = check_health().accounts

    assert (accounts.active, accounts.count, accounts.are_many) == (10, 4, False)
    assert accounts.as_json() == {
        "active": 10,
        "failing": 4,
        "are_many": False,
        "exchanges": [
            {"exchange": "bybit", "code": "exchange_unreachable", "accounts": 1},
            {"exchange": "okx", "code": "auth_failed", "accounts": 1},
            {"exchange": "okx", "code": "exchange_unreachable", "accounts": 2},
        ],
    }
    assert accounts.reason is not None
    assert accounts.reason.english == (
        "4 of 10 active accounts could not be read from their exchange: okx 3, bybit 1."
    )


@pytest.mark.parametrize(
    ("failing", "fine", "are_many"),
    [(0, 0, False), (0, 2, False), (1, 0, True), (1, 1, True), (1, 2, False), (2, 2, True)],
)
def test_half_of_all_accounts_are_many(failing: int, fine: int, are_many: bool) -> None:
    all_is_well()
    for _ in range(failing):
        unread("okx")
    for _ in range(fine):
        make_account(venue="okx")

    health = check_health()

    assert health.accounts.are_many is are_many
    assert health.is_healthy is not are_many


def test_command_says_so_and_ends_with_1_where_they_are_many() -> None:
    all_is_well()
    account = make_account(venue="binance")
    assert jobs()[0] == 0
    Account.objects.filter(pk=account.pk).update(connection_code="exchange_unreachable")

    code, said = jobs()

    assert code == 1
    assert "1 of 1 active accounts could not be read from their exchange: binance 1." in said
    make_account()
    make_account()
    code, said = jobs()
    assert code == 0
    assert "1 of 3 active accounts" in said


# The command


def jobs(*arguments: str) -> tuple[int, str]:
    return run("jobs", *arguments)


def test_command_says_how_long_a_round_takes_where_accounts_take_turns(settings: Any) -> None:
    all_is_well()
    account = make_account(venue="mexc")
    names = (f"Turn {number}" for number in range(300))
    Account.objects.bulk_create(
        Account(owner=account.owner, venue="mexc", currency="USDT", name=name) for name in names
    )

    _, output = jobs()

    assert "mexc allows one address to read its 301 accounts every 2 minutes" in output
    settings.CAPITAL_SYNC_MINUTES = 2
    assert "mexc" not in jobs()[1]


def test_json_says_all_of_it_and_exits_0_when_all_is_well(monkeypatch: Any) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "desk-1")
    all_is_well()

    code, output = jobs("--json")

    answer = json.loads(output)
    assert code == 0
    assert list(answer) == [
        "jobs", "clusters", "oldest_task_seconds", "accounts", "is_healthy", "stops",
    ]  # fmt: skip
    assert answer["jobs"][1] == {
        "name": "reallocate_due",
        "last_success_at": "2026-03-05T12:10:20+09:00",
        "last_run_at": "2026-03-05T12:10:20+09:00",
        "next_run_at": "2026-03-05T12:12:00+09:00",
        "late_seconds": 0,
        "is_late": False,
        "last_error": "",
    }
    assert answer["clusters"] == [
        {
            "host": "desk-1",
            "pid": 7,
            "beat_at": "2026-03-05T12:11:10+09:00",
            "age_seconds": 0,
            "is_alive": True,
        }
    ]
    assert (answer["oldest_task_seconds"], answer["is_healthy"]) == (None, True)


def test_stops_are_told_with_who_and_why_and_are_no_fault_of_the_jobs() -> None:
    all_is_well()
    account = make_account(name="Main")
    stop = Stop.objects.create(account=account, reason="An outage", actor=account.owner, at=NOW)
    over = Stop.objects.create(account=make_account(), reason="Over", at=NOW)
    over.lift(by_id=None, at=NOW, reason="Seen", figures={})

    code, said = jobs()
    told = json.loads(jobs("--json")[1])["stops"]

    assert code == 0
    for word in ("account Main", "An outage", account.owner.username):
        assert word in said
    assert "Over" not in said
    assert [(each["id"], each["reason"], each["by"]) for each in told] == [
        (stop.pk, "An outage", account.owner.username)
    ]


def test_json_exits_1_when_something_is_late() -> None:
    all_is_well()
    JobRun.objects.filter(name="sync_balances").update(started_at=NOW - timedelta(hours=1))

    code, output = jobs("--json")

    assert code == 1
    assert json.loads(output)["is_healthy"] is False


def test_the_table_shows_jobs_clusters_and_the_queue() -> None:
    all_is_well()
    finish("close_day", ago=timedelta(seconds=5), error="job_failed: It stopped.")
    OrmQ.objects.create(key="capital", payload="", lock=NOW - timedelta(seconds=75))

    code, output = jobs()

    assert code == 0
    for text in (
        "reallocate_due",
        "2026-03-06 00:00:30",
        "│ It stopped.",
        "alive",
        "The oldest task has been waiting for 0:01:15.",
    ):
        assert text in output


def test_the_table_says_when_nobody_is_alive_and_by_how_much_a_job_is_late() -> None:
    finish("sync_balances", ago=timedelta(hours=2, minutes=1))

    code, output = jobs()

    assert code == 1
    assert "2:00:00" in output
    assert "No worker cluster is running. Start one: python manage.py qcluster" in output
    assert "No tasks are waiting." in output


# By hand


def run_job(name: str) -> tuple[int, str, str]:
    stdout, stderr = StringIO(), StringIO()
    code = 0
    try:
        call_command("run_job", name, stdout=stdout, stderr=stderr)
    except SystemExit as stopped:
        code = int(str(stopped.code))
    return code, stdout.getvalue(), stderr.getvalue()


def test_a_job_by_hand_prints_its_counts_and_exits_0() -> None:
    code, stdout, stderr = run_job("prune")

    assert (code, stderr) == (0, "")
    assert stdout == (
        "prune: 0 accounts (0 heartbeats, 0 idempotent requests, 0 job runs, 0 previews, 0 tasks, "
        "0 uploaded files, 0 webhook nonces).\n"
    )


def test_a_job_by_hand_exits_1_where_an_exchange_did_not_answer(exchange: Any) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    exchange.fail(account, "unauthorized", "futures")

    code, stdout, _ = run_job("sync_balances")

    assert code == 1
    assert stdout == "sync_balances: 1 accounts (1 API key refused, 1 live).\n"


def test_a_job_by_hand_exits_1_and_says_why_it_failed(monkeypatch: Any) -> None:
    def fail(**_: Any) -> None:
        raise OperationalError("CANARY")

    monkeypatch.setattr("capital.services.jobs.pruning.prune", fail)

    code, _, stderr = run_job("prune")

    assert code == 1
    assert stderr.startswith("The job stopped with an error (OperationalError).")
    assert "CANARY" not in stderr


def test_an_unknown_job_by_hand_is_a_bad_argument() -> None:
    with pytest.raises(CommandError, match="There is no job 'lunch'") as refused:
        run_job("lunch")

    assert refused.value.returncode == 2


# Probes


def test_healthz_asks_nothing_of_the_database(client: Client, monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)

    answer = client.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"is_alive": True})


def test_readyz_is_200_where_all_is_there(client: Client) -> None:
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()) == (
        200,
        {"is_ready": True, "database": True, "migrations": True},
    )


def test_readyz_does_not_depend_on_workers_or_exchanges(client: Client) -> None:
    """A load balancer would take the site away, on which one looks what is wrong."""
    make_account(connection_code="exchange_unreachable")
    assert not ClusterHeartbeat.objects.exists()

    assert client.get("/readyz").status_code == 200


def test_readyz_is_503_with_an_unapplied_migration(client: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "django.db.migrations.executor.MigrationExecutor.migration_plan",
        lambda *_: [(SimpleNamespace(app_label="capital", name="x"), False)],
    )

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "is_ready": False, "database": True, "migrations": False,
    }  # fmt: skip


def test_readyz_is_503_and_tells_no_text_where_the_database_does_not_answer(
    client: Client, monkeypatch: Any
) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError("CANARY password authentication failed")

    monkeypatch.setattr(schema, "MigrationExecutor", refuse)

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {
        "is_ready": False, "database": False, "migrations": False,
    }  # fmt: skip


@pytest.mark.parametrize("error", [Error, OperationalError])
def test_every_error_of_a_database_is_one(error: type[Exception], monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(schema, "MigrationExecutor", refuse)

    assert check_readiness().database is False


def test_workers_is_200_while_one_takes_tasks_and_none_waits_too_long(
    client: Client, monkeypatch: Any
) -> None:
    def answer() -> tuple[int, dict[str, bool]]:
        got = client.get("/workers")
        return got.status_code, got.json()

    assert answer() == (503, {"is_ready": False, "cluster": False, "queue": True})
    alive = SimpleNamespace(is_alive=True)
    monkeypatch.setattr(health_service, "cluster_health", lambda now: [alive])
    assert answer() == (200, {"is_ready": True, "cluster": True, "queue": True})
    monkeypatch.setattr(health_service, "oldest_wait", lambda now: timedelta(days=1))
    assert answer() == (503, {"is_ready": False, "cluster": True, "queue": False})

    def refuse(now: Any) -> Any:
        raise OperationalError("CANARY")

    monkeypatch.setattr(health_service, "cluster_health", refuse)
    assert answer() == (503, {"is_ready": False, "cluster": False, "queue": False})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/workers"])
def test_probes_answer_by_any_name_and_over_plain_http(
    path: str, client: Client, caplog: Any
) -> None:
    """A load balancer asks by address, which is no name of the site."""
    with override_settings(ALLOWED_HOSTS=["desk.example"], SECURE_SSL_REDIRECT=True):
        assert client.get(path, headers={"host": "10.0.0.7:8000"}).status_code in (200, 503)
        assert client.get("/", headers={"host": "10.0.0.7:8000"}).status_code == 400
    assert all(record.exc_info is None for record in caplog.records if path in record.getMessage())


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/workers"])
def test_probes_are_never_cached_and_only_read(path: str, client: Client) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]
    assert client.head(path).status_code in (200, 503)
    assert client.post(path).status_code == 405

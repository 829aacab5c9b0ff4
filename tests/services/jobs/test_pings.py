"""The ping after each round of jobs: when it comes, what it says, and that it delays nobody."""

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import Schedule
from django_q.signals import post_execute_in_worker

from capital import tasks
from capital.models import Account, JobRun
from capital.services.jobs import ping_after, ping_now, pings
from capital.services.jobs.clusters import record_heartbeat
from capital.services.jobs.schedules import sync_schedules
from capital.services.jobs.table import JOBS
from tests.channels.servers import web_server
from tests.factories import make_account

pytestmark = pytest.mark.django_db

CANARY = "c4n4ry-2222-3333"


@pytest.fixture
def url(settings: Any) -> Any:
    with web_server() as server:
        settings.CAPITAL_PING_URL = f"http://{server.address}/{CANARY}"
        yield server


def all_is_well() -> None:
    Schedule.objects.all().delete()
    sync_schedules()
    now = timezone.now()
    for job in JOBS:
        at = now - timedelta(seconds=1)
        JobRun.objects.create(name=job.name, started_at=at, finished_at=at)
    record_heartbeat(pid=7, is_first=True)


def test_while_all_is_well_the_check_hears_so(url: Any) -> None:
    all_is_well()

    ping_now()

    assert [(path, body) for path, _, body in url.requests] == [(f"/{CANARY}", b"")]


def test_what_is_not_well_is_told_line_by_line_and_names_no_account(url: Any) -> None:
    all_is_well()
    JobRun.objects.filter(name="sync_balances").update(
        started_at=timezone.now() - timedelta(hours=1)
    )
    make_account(name="MAIN", venue="okx")
    Account.objects.update(connection_code="exchange_unreachable")

    ping_now()

    [(path, _, body)] = url.requests
    assert path == f"/{CANARY}/fail"
    assert body.decode().splitlines() == [
        "sync_balances is late.",
        "1 of 1 active accounts could not be read from their exchange: okx 1.",
    ]


def test_no_cluster_and_a_task_that_waits_are_told(url: Any, monkeypatch: Any) -> None:
    all_is_well()
    monkeypatch.setattr("capital.services.jobs.health.cluster_health", lambda **_: [])
    wait = timedelta(hours=9)
    monkeypatch.setattr("capital.services.jobs.health.oldest_wait", lambda **_: wait)

    ping_now()

    assert url.requests[0][2].decode().splitlines() == [
        "No worker cluster is running.",
        "Tasks have been waiting too long.",
    ]


def test_refusal_is_logged_without_the_url(url: Any, caplog: pytest.LogCaptureFixture) -> None:
    url.status = 500
    caplog.set_level(logging.DEBUG)

    ping_now()

    told = [record.getMessage() for record in caplog.records]
    assert "CAPITAL_PING_URL did not take the ping: HTTP 500." in told
    assert CANARY not in caplog.text


def test_without_a_database_nothing_is_sent(
    url: Any, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise OperationalError("CANARY password")

    monkeypatch.setattr(pings, "check_health", refuse)

    ping_now()

    assert url.requests == []
    assert [record.getMessage() for record in caplog.records] == [
        "The health of the jobs could not be read: OperationalError."
    ]


@pytest.fixture
def pinged(monkeypatch: Any) -> list[str]:
    """Instead of pinging: the names of the threads that would."""
    found: list[str] = []
    monkeypatch.setattr(pings, "ping_now", lambda: found.append(threading.current_thread().name))
    return found


@pytest.mark.parametrize(
    ("task", "count"),
    [
        ("capital.tasks.sync_balances", 1),
        ("capital.tasks.sync_balances_chunk", 1),
        ("capital.tasks.prune", 1),
        ("capital.tasks.reallocate_after_event", 0),
        ("", 0),
    ],
)
def test_tasks_of_periodic_jobs_are_followed_by_one(
    settings: Any, pinged: list[str], task: str, count: int
) -> None:
    settings.CAPITAL_PING_URL = "http://127.0.0.1:1/"

    thread = ping_after(task)

    assert (thread is not None) is bool(count)
    if thread is not None:
        thread.join(5)
    assert pinged == ["ping"] * count


def test_without_a_url_nothing_is_done(settings: Any, pinged: list[str]) -> None:
    settings.CAPITAL_PING_URL = ""

    assert ping_after("capital.tasks.sync_balances") is None
    assert pinged == []


def test_worker_does_not_wait_and_threads_do_not_gather(settings: Any, monkeypatch: Any) -> None:
    settings.CAPITAL_PING_URL = "http://127.0.0.1:1/"
    hangs = threading.Event()
    monkeypatch.setattr(pings, "ping_now", lambda: hangs.wait(10))
    task = {"func": tasks.sync_balances.__module__ + ".sync_balances"}

    before = threading.active_count()
    for _ in range(5):
        post_execute_in_worker.send(sender="django_q", func=None, task=task)
    assert threading.active_count() == before + 1
    hangs.set()
    [thread] = [each for each in threading.enumerate() if each.name == "ping"]
    thread.join(5)

    last = ping_after("capital.tasks.sync_balances")
    assert last is not None
    last.join(5)

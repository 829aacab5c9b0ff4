"""What dead processes left is closed, and what others still work on is left alone."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django_q.models import OrmQ

from capital import tasks
from capital.domain.errors import JobFailed
from capital.domain.sizing.orders import OrderRequest
from capital.models import (
    Alert,
    AllocationRun,
    IdempotentRequest,
    JobRun,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.access.idempotency import (
    Answer,
    claim_request,
    keep_answer,
    release_claim,
)
from capital.services.jobs import records, sweeping
from capital.services.jobs.errors import error_of
from capital.services.jobs.sweeping import perform_sweep, sweep, sweep_alerts
from capital.services.jobs.table import Slot
from capital.services.webhooks import receive
from capital.services.webhooks.deliveries import Delivery, claim_delivery, stored_delivery
from capital.services.webhooks.receive import receive_signal
from capital.services.webhooks.secrets import rotate_secret
from tests.factories import make_link, make_market, make_strategy, trust
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
BUY = {"symbol": "BTC/USDT", "side": "buy", "qty_per": Decimal(50), "price": Decimal("61234.5")}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def found(**counts: int) -> Counter[str]:
    return Counter(**{"job_runs": 0, "claims": 0, "deliveries": 0, **counts})


def secret_of(strategy: Any) -> WebhookSecret:
    trust(strategy.owner)
    rotate_secret(strategy)
    return WebhookSecret.objects.get(strategy=strategy)


def interrupted(secret: WebhookSecret, *, seconds: float, delivery_id: str = "") -> WebhookDelivery:
    """One whose process died right after it had recorded it."""
    delivery = Delivery(body=BUY, orders=[OrderRequest(**BUY)], delivery_id=delivery_id)
    row, is_new = claim_delivery(secret, delivery, address="", clock=lambda: ago(seconds))
    assert is_new
    return row


def answers() -> dict[int, Any]:
    return dict(WebhookAnswer.objects.values_list("delivery_id", "body"))


# Deliveries


def test_a_delivery_whose_process_died_is_answered_within_a_minute_as_late(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}})
    make_market(fetched_at=NOW)
    link = make_link(account=account)
    secret = secret_of(link.strategy)
    OrmQ.objects.all().delete()
    row = interrupted(secret, seconds=25, delivery_id="tv-1")

    assert sweep(is_first=False) == found(deliveries=1)
    [queued] = [task.task for task in OrmQ.objects.all()]
    assert (queued["func"], queued["args"]) == ("capital.tasks.finish_deliveries", (900,))
    assert tasks.finish_deliveries(*queued["args"]) == {"answered": 1}

    answer = answers()[row.pk]
    assert [each["outcome"] for each in answer["allocations"]] == ["applied"]
    assert AllocationRun.objects.get().run_key == f"webhook:{row.pk}"
    assert (answer["sizes"][0]["capital"], answer["sizes"][0]["code"]) == ("1000", "sized")
    assert [each["code"] for each in answer["warnings"]] == ["answered_late"]
    assert "25 seconds after" in answer["warnings"][0]["reason"]
    assert WebhookAnswer.objects.get().accounts["warnings"] == [None]
    [run] = JobRun.objects.all()
    assert (run.name, run.outcomes, run.error) == ("finish_deliveries", {"answered": 1}, "")
    # Whoever sends it again gets this answer.
    again = Delivery(body=BUY, orders=[OrderRequest(**BUY)], delivery_id="tv-1")
    assert receive_signal(secret, again) == answer


def test_what_is_answered_refused_or_still_worked_on_is_left_alone() -> None:
    secrets = [secret_of(make_strategy()) for _ in range(3)]
    answered, worked_on, dead = (
        interrupted(secret, seconds=seconds)
        for secret, seconds in zip(secrets, (25, 19, 25), strict=True)
    )
    WebhookAnswer.objects.create(delivery=answered, body={"kept": True})
    WebhookDelivery.objects.create(
        strategy=secrets[0].strategy, fingerprint="f", body={}, received_at=ago(25),
        refusal={"status": 400},
    )  # fmt: skip

    assert sweep(is_first=False) == found(deliveries=1)
    assert perform_sweep(900) == {"answered": 1}

    assert set(answers()) == {answered.pk, dead.pk}
    assert answers()[answered.pk] == {"kept": True}
    assert sweep(is_first=False) == found()
    assert worked_on.pk not in answers()


def test_nothing_to_answer_leaves_no_record() -> None:
    assert sweep(is_first=True) == found()
    assert perform_sweep(900) == {}
    assert not JobRun.objects.exists()
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "is_first", "deliveries"),
    [(899, False, 1), (901, False, 0), (901, True, 1), (86399, True, 1), (86401, True, 0)],
)
def test_a_cluster_that_starts_looks_a_day_back(
    seconds: int, is_first: bool, deliveries: int
) -> None:
    interrupted(secret_of(make_strategy()), seconds=seconds)

    assert sweep(is_first=is_first)["deliveries"] == deliveries


def test_a_worker_that_is_at_it_is_not_joined_by_another() -> None:
    interrupted(secret_of(make_strategy()), seconds=25)
    run = job_run(name="finish_deliveries", started_at=ago(5))

    assert sweep(is_first=False) == found()
    assert perform_sweep(900) == {}
    # Another job at work is none.
    JobRun.objects.filter(pk=run.pk).update(name="prune")
    assert sweep(is_first=False)["deliveries"] == 1


def test_a_worker_that_had_its_time_is_followed_by_another(settings: Any) -> None:
    interrupted(secret_of(make_strategy()), seconds=25)
    job_run(name="finish_deliveries", started_at=ago(settings.Q_CLUSTER["timeout"]))

    assert sweep(is_first=False)["deliveries"] == 1


def failing(monkeypatch: pytest.MonkeyPatch, row: WebhookDelivery, error: Exception) -> None:
    work = receive._work

    def fail(each: WebhookDelivery, *arguments: Any) -> Any:
        if each.pk == row.pk:
            raise error
        return work(each, *arguments)

    monkeypatch.setattr(receive, "_work", fail)


def test_a_signal_that_cannot_be_processed_is_answered_and_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    broken, sound = (interrupted(secret_of(make_strategy()), seconds=25) for _ in range(2))
    failing(monkeypatch, broken, ValueError("CANARY"))

    assert perform_sweep(900) == {"answered": 2}

    failed = answers()[broken.pk]
    assert [each["code"] for each in failed["warnings"]] == ["answered_late", "signal_failed"]
    assert (failed["allocations"], failed["sizes"]) == ([], [])
    assert failed["delivery"] == broken.pk
    assert "ValueError" in failed["warnings"][1]["reason"]
    assert [each["code"] for each in answers()[sound.pk]["warnings"]] == ["answered_late"]
    assert "CANARY" not in caplog.text + str(failed)


def test_a_signal_that_the_database_refuses_is_tried_again_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused, sound = (interrupted(secret_of(make_strategy()), seconds=25) for _ in range(2))
    with monkeypatch.context() as patch:
        failing(patch, refused, OperationalError("CANARY"))
        with pytest.raises(JobFailed):
            perform_sweep(900)

    assert set(answers()) == {sound.pk}
    assert JobRun.objects.get().error.startswith("job_failed")
    assert perform_sweep(900) == {"answered": 1}
    assert set(answers()) == {refused.pk, sound.pk}


def test_orders_are_read_as_they_were_accepted() -> None:
    body = {
        "symbol": "BTC/USDT",
        "orders": [
            {"side": "buy", "qty_per": Decimal("12.5"), "price": None},
            {"side": "sell", "symbol": "ETH/USDT", "qty": Decimal(3), "order_type": "LIMIT"},
        ],
    }
    orders = [
        OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal("12.5")),
        OrderRequest(symbol="ETH/USDT", side="sell", qty=Decimal(3), order_type="LIMIT"),
    ]
    sent = Delivery(body=body, orders=orders, delivery_id="x")
    row, _ = claim_delivery(secret_of(make_strategy()), sent, address="", clock=lambda: NOW)

    stored = stored_delivery(WebhookDelivery.objects.get(pk=row.pk))

    assert (stored.orders, stored.delivery_id) == (orders, "x")


# Runs of jobs


@pytest.fixture
def dead_pid() -> int:
    """Of a process of this machine that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def job_run(**fields: Any) -> JobRun:
    values = {
        "name": "sync_balances",
        "intended_at": ago(60),
        "started_at": ago(60),
        "host": records.socket.gethostname(),
        "pid": os.getpid(),
    }
    return JobRun.objects.create(**{**values, **fields})


def test_a_run_whose_process_is_dead_is_closed_and_says_so(dead_pid: int) -> None:
    other, dead = job_run(), job_run(pid=dead_pid)

    assert sweep(is_first=False) == found(job_runs=1)

    dead.refresh_from_db()
    other.refresh_from_db()
    assert dead.finished_at == NOW
    assert error_of(dead) == (
        "The process that ran the job ended before the job did. What it had not done yet is done "
        "by the next run."
    )
    assert (other.finished_at, other.error) == (None, "")
    assert sweep(is_first=False) == found()


@pytest.mark.parametrize(
    ("fields", "is_dead"),
    [
        # Stopped after 90 seconds; clocks may differ by 120.
        ({"started_at": ago(210)}, False),
        ({"started_at": ago(211)}, True),
        ({"started_at": ago(211), "host": "elsewhere"}, True),
        ({"started_at": ago(9), "pid": None}, False),
        ({"started_at": ago(11), "pid": None}, True),
        ({"started_at": ago(11), "pid": None, "host": "elsewhere"}, False),
        ({"started_at": ago(211), "intended_at": None, "name": "finish_deliveries"}, True),
        # By hand it may take longer.
        ({"started_at": ago(6 * 3600), "intended_at": None}, False),
        ({"started_at": ago(6 * 3600 + 1), "intended_at": None}, True),
        # Its chunks are done by others.
        ({"started_at": ago(211), "pid": None, "outcomes": {"chunks": 3}}, False),
        ({"started_at": ago(6 * 3600 + 1), "outcomes": {"chunks": 3}}, True),
        ({"started_at": ago(99999), "finished_at": ago(99990)}, False),
    ],
)
def test_a_run_is_dead_when_it_cannot_be_at_work(
    dead_pid: int, fields: dict[str, Any], is_dead: bool
) -> None:
    if "pid" in fields:
        fields = {**fields, "pid": dead_pid}
    run = job_run(**fields)

    assert sweep(is_first=False)["job_runs"] == int(is_dead)
    run.refresh_from_db()
    assert run.error.startswith("job_interrupted") is is_dead


def test_a_run_that_ends_after_all_says_what_came_of_it(dead_pid: int) -> None:
    run = records.started_run("prune", Slot(None, lambda: ago(60)), accounts=0)
    run.pid = dead_pid

    def work() -> Counter[str]:
        assert sweep(is_first=False)["job_runs"] == 1
        return Counter(tasks=1)

    assert records.record_work(run, work, clock=lambda: NOW) is None
    run.refresh_from_db()
    assert (run.error, run.outcomes) == ("", {"tasks": 1})


# Idempotency keys


def test_claims_of_dead_processes_are_released() -> None:
    dead, answered, at_work, released = (
        claim_request("user:1", f"k{seconds}", "f", clock=lambda seconds=seconds: ago(seconds))
        for seconds in (91, 92, 89, 93)
    )
    keep_answer(answered, Answer(200, "application/json", "{}"))
    release_claim(released)

    assert sweep(is_first=False) == found(claims=1)

    claimed = dict(IdempotentRequest.objects.values_list("pk", "claimed_at"))
    assert claimed[dead.pk].year == 1970
    assert claimed[answered.pk] == ago(92)
    assert claimed[at_work.pk] == ago(89)
    again = claim_request("user:1", "k91", "f")
    assert (again.pk, again.run_key) == (dead.pk, dead.run_key)
    assert sweep(is_first=False) == found()


def test_alerts_that_wait_are_queued_unless_the_queue_is_busy(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    Alert.objects.create(kind="test", state="told", code="test_alert")
    wait: list[timedelta | None] = [timedelta(minutes=1)]
    monkeypatch.setattr(sweeping, "oldest_wait", lambda now: wait[0])

    with django_capture_on_commit_callbacks(execute=True):
        assert sweep_alerts() == 0
        wait[0] = timedelta(seconds=1)
        assert sweep_alerts() == 1
        wait[0] = None
        assert sweep_alerts() == 1

    assert {task.func() for task in OrmQ.objects.all()} >= {"capital.tasks.spread_alerts"}

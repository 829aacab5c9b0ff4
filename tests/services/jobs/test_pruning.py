"""Old rows about tasks and jobs go; what was decided stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_q.models import Task

from capital.models import (
    AllocationPlan,
    AllocationRun,
    ClusterHeartbeat,
    IdempotentRequest,
    JobRun,
    PlannedAccount,
    TradeUpload,
    WebhookNonce,
)
from capital.services.jobs.pruning import prune
from tests.factories import make_account, make_link, make_strategy, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 5, 3, 30, tzinfo=UTC)


def make_task(name: str, *, age: timedelta, success: bool) -> None:
    at = NOW - age
    Task.objects.create(id=name, name=name, func="f", started=at, stopped=at, success=success)


def test_rows_beyond_the_kept_span_go_and_the_others_stay() -> None:
    for days in (29, 31):
        age = timedelta(days=days)
        make_task(f"success {days}", age=age, success=True)
        make_task(f"failure {days}", age=age, success=False)
        JobRun.objects.create(name=f"job {days}", started_at=NOW - age)
    strategy = make_strategy()
    for minutes in (19, 21):
        used_at = NOW - timedelta(minutes=minutes)
        WebhookNonce.objects.create(strategy=strategy, nonce=f"nonce-{minutes}", used_at=used_at)
    for hours in (23, 25):
        plan = AllocationPlan.objects.create(created_at=NOW - timedelta(hours=hours))
        plan.accounts.create(account=make_account(), readings={}, rests_on={}, shown={})
        TradeUpload.objects.create(
            actor=make_user(),
            account=make_account(),
            file_name=f"{hours}.csv",
            content=b"",
            created_at=plan.created_at,
        )
        beat = NOW - timedelta(hours=hours)
        ClusterHeartbeat.objects.create(host="h", pid=hours, started_at=beat, beat_at=beat)
        IdempotentRequest.objects.create(caller="user:1", key=f"{hours}", created_at=beat)

    assert prune(clock=lambda: NOW) == {
        "tasks": 2,
        "job_runs": 1,
        "plans": 1,
        "trade_uploads": 1,
        "heartbeats": 1,
        "idempotent_requests": 1,
        "webhook_nonces": 1,
    }

    assert set(Task.objects.values_list("name", flat=True)) == {"success 29", "failure 29"}
    assert [run.name for run in JobRun.objects.all()] == ["job 29"]
    assert [beat.pid for beat in ClusterHeartbeat.objects.all()] == [23]
    assert [upload.file_name for upload in TradeUpload.objects.all()] == ["23.csv"]
    assert PlannedAccount.objects.count() == AllocationPlan.objects.count() == 1


def test_the_span_is_a_setting(settings: Any) -> None:
    settings.CAPITAL_KEEP_JOB_DAYS = 1
    JobRun.objects.create(name="job", started_at=NOW - timedelta(hours=25))

    assert prune(clock=lambda: NOW)["job_runs"] == 1


def test_an_allocation_run_is_never_removed(exchange: Exchange) -> None:
    from capital.services.allocation.allocate import allocate_capital

    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}})
    make_link(account=account)
    allocate_capital([account.pk])

    prune(clock=lambda: datetime(2046, 1, 1, tzinfo=UTC))

    assert AllocationRun.objects.count() == 1

"""Running a job: what is written down, what is raised, what is handed out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.utils import timezone, translation
from django_q.exceptions import TimeoutException
from django_q.models import OrmQ

from capital import tasks
from capital.domain.errors import JobFailed, UnknownJob, UnknownVenue
from capital.models import Account, AllocationRun, JobRun, Market
from capital.services.allocation import allocate_capital
from capital.services.jobs import runs as job_runs
from capital.services.jobs.errors import error_of
from capital.services.jobs.runs import perform_by_hand, perform_chunk, perform_job
from capital.services.jobs.table import Slot
from capital.services.jobs.work import WORK, reallocate
from capital.services.jobs.work import Work as JobWork
from capital.traces import troubles_noted
from tests.factories import make_account, make_link, make_summary
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

SLOT = datetime(2026, 3, 5, 3, 11, tzinfo=UTC)
INTENDED = SLOT.isoformat()
NOW = SLOT + timedelta(seconds=10)
SECRET = "CANARY-secret-text-of-a-foreign-error"


@pytest.fixture(autouse=True)
def _ten_seconds_into_the_slot() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


class Work:
    """The work of a job, in place of the real one."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], str | None]] = []
        self.error: BaseException | None = None

    def __call__(self, account_ids: Sequence[int], slot: Slot) -> Counter[str]:
        self.calls.append((list(account_ids), slot.key))
        if self.error is not None:
            raise self.error
        return Counter(done=len(account_ids))


@pytest.fixture
def work(monkeypatch: Any) -> Work:
    """Every job does this."""
    stand_in = Work()
    for name in WORK:
        monkeypatch.setitem(WORK, name, JobWork(stand_in))
    return stand_in


def queued() -> list[dict[str, Any]]:
    return [row.task for row in OrmQ.objects.order_by("pk")]


def deliver_chunks() -> list[dict[str, int]]:
    """What the cluster would do with the tasks that wait."""
    answers = []
    for row in OrmQ.objects.order_by("pk"):
        function = getattr(tasks, row.task["func"].removeprefix("capital.tasks."))
        answers.append(function(*row.task["args"], **row.task["kwargs"]))
        row.delete()
    return answers


# One run


def test_a_job_that_is_done_leaves_a_run_with_its_counts(work: Work) -> None:
    account = make_account()

    assert perform_job("sync_balances", intended=INTENDED) == {"done": 1}

    run = JobRun.objects.get()
    assert (run.name, run.chunk, run.intended_at) == ("sync_balances", 0, SLOT)
    assert (run.accounts, run.outcomes, run.error) == (1, {"done": 1}, "")
    assert run.started_at == run.finished_at == NOW
    assert run.host
    assert run.pid > 0
    assert work.calls == [([account.pk], "schedule:2026-03-05T03:11:00+00:00")]


def test_inactive_accounts_are_left_out(work: Work) -> None:
    make_account(is_active=False)

    perform_job("sync_balances", intended=INTENDED)

    assert work.calls[0][0] == []


def test_a_slot_given_in_another_zone_is_the_same_slot(work: Work) -> None:
    perform_job("reallocate_due", intended="2026-03-05T12:11:00+09:00")

    assert perform_job("reallocate_due", intended=INTENDED) == {"already_done": 1}
    assert work.calls[0][1] == "schedule:2026-03-05T03:11:00+00:00"


@pytest.mark.parametrize(
    ("error", "code", "raised"),
    [
        (ValueError(SECRET), "job_failed", "(ValueError)"),
        (OperationalError(SECRET), "job_failed", "(OperationalError)"),
        (UnknownVenue(venue="x", known="y"), "unknown_venue", "(unknown_venue)"),
    ],
)
def test_a_failure_is_written_down_and_raised_in_our_own_words(
    work: Work, error: Exception, code: str, raised: str, caplog: Any
) -> None:
    work.error = error

    with pytest.raises(JobFailed) as failed:
        perform_job("sync_balances", intended=INTENDED)

    run = JobRun.objects.get()
    assert run.error.startswith(f"{code}: ")
    assert run.finished_at is not None
    assert raised in str(failed.value)
    # The queue stores and logs the whole chain of a traceback.
    assert failed.value.__context__ is None
    assert failed.value.__cause__ is None
    assert SECRET not in run.error + str(failed.value) + caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_connection_on_which_a_job_failed_is_not_used_again(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    close = connection.close
    monkeypatch.setattr(connection, "close", lambda: closed.append(True) or close())
    work.error = OperationalError("gone")

    with pytest.raises(JobFailed):
        perform_job("sync_balances", intended=INTENDED)

    assert closed == [True]
    assert JobRun.objects.get().error.startswith("job_failed: ")


def test_a_job_that_takes_too_long_says_so_and_its_worker_learns_it(work: Work) -> None:
    work.error = TimeoutException("of the queue")

    with pytest.raises(TimeoutException) as stopped:
        perform_job("sync_balances", intended=INTENDED)

    assert stopped.value.__context__ is None
    assert JobRun.objects.get().error == (
        "job_timed_out: The job took longer than 90 seconds and was stopped."
    )


def test_what_went_wrong_is_said_in_the_language_of_who_reads_it(work: Work) -> None:
    work.error = ValueError()
    with translation.override("en"), pytest.raises(JobFailed):
        perform_job("sync_balances", intended=INTENDED)
    run = JobRun.objects.get()

    with translation.override("ko"):
        assert error_of(run).startswith("작업이 오류로 중단되었습니다(ValueError).")
    with translation.override("en"):
        assert error_of(run).startswith("The job stopped with an error (ValueError).")


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ("", ""),
        ("job_timed_out: Recorded without its figures.", "Recorded without its figures."),
        ("of_tomorrow: Another version said so.", "Another version said so."),
        ("Said without a code.", "Said without a code."),
    ],
)
def test_what_cannot_be_said_again_is_shown_as_it_was_recorded(recorded: str, shown: str) -> None:
    assert error_of(JobRun(error=recorded)) == shown


def test_a_failed_job_is_done_again_when_it_is_delivered_again(work: Work) -> None:
    work.error = ValueError()
    with pytest.raises(JobFailed):
        perform_job("sync_balances", intended=INTENDED)
    work.error = None

    perform_job("sync_balances", intended=INTENDED)

    assert [run.error == "" for run in JobRun.objects.order_by("pk")] == [False, True]


def test_a_job_that_was_killed_is_done_again_when_it_is_delivered_again(work: Work) -> None:
    JobRun.objects.create(name="sync_balances", intended_at=SLOT, started_at=SLOT)

    assert perform_job("sync_balances", intended=INTENDED) == {"done": 0}


def test_a_job_that_was_done_is_not_done_again_when_it_is_delivered_again(work: Work) -> None:
    perform_job("sync_balances", intended=INTENDED)

    assert perform_job("sync_balances", intended=INTENDED) == {"already_done": 1}
    assert (len(work.calls), JobRun.objects.count()) == (1, 1)


def test_the_next_slot_is_another(work: Work) -> None:
    perform_job("sync_balances", intended=INTENDED)
    perform_job("sync_balances", intended="2026-03-05T03:10:00+00:00")

    assert len(work.calls) == 2


def test_an_unknown_job_is_refused(work: Work) -> None:
    with pytest.raises(UnknownJob, match="The jobs are: sync_balances, reallocate_due"):
        perform_job("sell_everything", intended=INTENDED)


# Late and stuck


@pytest.mark.parametrize(
    ("name", "minutes", "done"),
    [
        ("sync_balances", 5, True),
        ("sync_balances", 6, False),
        ("reallocate_due", 22, True),
        ("reallocate_due", 23, False),
        ("close_day", 60 * 19, True),
        ("close_day", 60 * 21, False),
    ],
)
def test_a_task_that_newer_ones_have_overtaken_is_not_done(
    work: Work, name: str, minutes: int, done: bool
) -> None:
    queued_at = NOW - timedelta(minutes=minutes)

    answer = perform_job(name, intended=INTENDED, queued_at=queued_at)

    assert (len(work.calls) == 1) is done
    assert ("expired" not in answer) is done
    if not done:
        assert JobRun.objects.get().error.startswith(
            f"job_expired: The task waited for {minutes * 60} seconds"
        )


def test_a_job_that_finds_tasks_waiting_too_long_says_so_and_does_its_work(work: Work) -> None:
    OrmQ.objects.create(key="capital", payload="", lock=SLOT - timedelta(seconds=500))

    assert perform_job("sync_balances", intended=INTENDED) == {"done": 0}
    assert JobRun.objects.get().error.startswith(
        "queue_stuck: A task has been waiting for 510 seconds."
    )


def test_a_job_that_waited_too_long_itself_says_so(work: Work) -> None:
    perform_job("reallocate_due", intended=INTENDED, queued_at=NOW - timedelta(seconds=660))

    assert JobRun.objects.get().error.startswith(
        "queue_stuck: A task has been waiting for 660 seconds"
    )


@pytest.mark.parametrize("name", ["sync_balances", "reallocate_due", "close_day"])
def test_a_slot_that_was_missed_while_nothing_ran_is_done_late(work: Work, name: str) -> None:
    with time_machine.travel(SLOT + timedelta(days=3), tick=False):
        queued_at = SLOT + timedelta(days=3, seconds=-2)
        perform_job(name, intended=INTENDED, queued_at=queued_at)

    assert len(work.calls) == 1
    assert JobRun.objects.get().error == ""


@pytest.mark.parametrize(
    "task",
    [
        {"key": "capital", "lock": SLOT - timedelta(seconds=200)},
        {"key": "capital", "lock": SLOT + timedelta(seconds=200)},
        {"key": "another", "lock": SLOT - timedelta(seconds=900)},
    ],
    ids=["waits not long", "is being done", "is of another queue"],
)
def test_a_queue_that_moves_is_not_called_stuck(work: Work, task: dict[str, Any]) -> None:
    OrmQ.objects.create(payload="", **task)

    perform_job("sync_balances", intended=INTENDED)

    assert JobRun.objects.get().error == ""


# Chunks


def test_many_accounts_are_handed_out_in_chunks_of_primary_keys(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 2
    ids = [make_account().pk for _ in range(5)]

    assert perform_job("reallocate_due", intended=INTENDED) == {"chunks": 3}

    assert work.calls == []
    assert [(task["func"], task["args"], task["kwargs"]) for task in queued()] == [
        ("capital.tasks.reallocate_due_chunk", (ids[:2], 1, INTENDED), {}),
        ("capital.tasks.reallocate_due_chunk", (ids[2:4], 2, INTENDED), {}),
        ("capital.tasks.reallocate_due_chunk", (ids[4:], 3, INTENDED), {}),
    ]


def test_chunks_go_out_and_are_done_in_the_order_in_which_accounts_waited(
    work: Work, settings: Any, monkeypatch: Any
) -> None:
    settings.CAPITAL_JOB_CHUNK = 2
    monkeypatch.setattr("capital.services.balances.turns.waiting.ALL_AT_ONCE", 2)
    ids = [make_account(venue="upbit", currency="KRW").pk for _ in range(4)]
    for key, minutes in zip(ids, (5, 9, 7, 1), strict=True):
        make_summary(
            account=Account.objects.get(pk=key),
            spot_balance=Decimal(1),
            spot_observed_at=NOW - timedelta(minutes=minutes),
        )

    perform_job("sync_balances", intended=INTENDED)
    deliver_chunks()

    waited = [ids[1], ids[2], ids[0], ids[3]]
    assert [call[0] for call in work.calls] == [waited[:2], waited[2:]]
    perform_by_hand("sync_balances")
    assert work.calls[-1][0] == waited


def test_account_whose_allocation_is_due_is_read_before_those_that_waited_longer(
    work: Work, monkeypatch: Any
) -> None:
    monkeypatch.setattr("capital.services.balances.turns.waiting.ALL_AT_ONCE", 2)
    monkeypatch.setattr("capital.services.jobs.runs.ALL_AT_ONCE", 2)
    ids = [make_account(venue="upbit", currency="KRW").pk for _ in range(4)]
    for key, minutes in zip(ids, (5, 9, 7, 1), strict=True):
        make_summary(
            account=Account.objects.get(pk=key),
            spot_balance=Decimal(1),
            spot_observed_at=NOW - timedelta(minutes=minutes),
        )
    allocate_capital(ids[:3], live=False, clock=lambda: NOW)

    perform_job("reallocate_due", intended=INTENDED)
    perform_job("sync_balances", intended=INTENDED)

    waited = [ids[1], ids[2], ids[0]]
    assert [call[0] for call in work.calls] == [[ids[3], *waited], [*waited, ids[3]]]


def test_the_job_is_done_when_its_last_chunk_is(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 2
    for _ in range(5):
        make_account()
    perform_job("sync_balances", intended=INTENDED)
    parent = JobRun.objects.get()
    assert (parent.finished_at, parent.outcomes) == (None, {"chunks": 3})

    assert deliver_chunks() == [{"done": 2}, {"done": 2}, {"done": 1}]

    parent.refresh_from_db()
    assert parent.finished_at is not None
    assert (parent.accounts, parent.outcomes) == (5, {"chunks": 3, "done": 5})
    assert {key for _, key in work.calls} == {"schedule:2026-03-05T03:11:00+00:00"}


def test_the_job_is_not_done_while_a_chunk_failed(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    first, second = make_account(), make_account()
    perform_job("sync_balances", intended=INTENDED)
    perform_chunk("sync_balances", [first.pk], chunk=1, intended=INTENDED)
    work.error = ValueError()

    with pytest.raises(JobFailed):
        perform_chunk("sync_balances", [second.pk], chunk=2, intended=INTENDED)
    assert JobRun.objects.get(chunk=0).finished_at is None

    work.error = None
    perform_chunk("sync_balances", [second.pk], chunk=2, intended=INTENDED)
    assert JobRun.objects.get(chunk=0).outcomes == {"chunks": 2, "done": 2}


def test_handing_out_twice_queues_once(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    for _ in range(2):
        make_account()

    perform_job("sync_balances", intended=INTENDED)

    assert perform_job("sync_balances", intended=INTENDED) == {"already_done": 1}
    assert len(queued()) == 2


def test_a_chunk_that_was_done_is_not_done_again(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    account, _ = make_account(), make_account()
    perform_job("sync_balances", intended=INTENDED)

    for _ in range(2):
        perform_chunk("sync_balances", [account.pk], chunk=1, intended=INTENDED)

    assert len(work.calls) == 1
    assert JobRun.objects.get(chunk=0).finished_at is None


def test_handing_out_queues_all_chunks_or_none(work: Work, settings: Any, monkeypatch: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    for _ in range(3):
        make_account()
    enqueue, calls = job_runs.async_task, []

    def refuse_the_third(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise OperationalError(SECRET)
        return enqueue(*arguments, **options)

    monkeypatch.setattr(job_runs, "async_task", refuse_the_third)
    with pytest.raises(JobFailed):
        perform_job("sync_balances", intended=INTENDED)

    assert queued() == []
    assert JobRun.objects.get().error.startswith("job_failed: ")


def test_an_account_that_went_away_in_the_meantime_is_passed_over(work: Work) -> None:
    stays, goes, off = make_account(), make_account(), make_account(is_active=False)
    ids = [stays.pk, goes.pk, off.pk]
    goes.delete()

    perform_chunk("sync_balances", ids, chunk=1, intended=INTENDED)

    assert work.calls[0][0] == [stays.pk]


# With the real work


def test_a_scheduled_reallocation_changes_capital_once(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}})
    link = make_link(account=account)

    assert tasks.reallocate_due(intended=INTENDED) == {"applied": 1}
    JobRun.objects.all().delete()
    assert tasks.reallocate_due(intended=INTENDED) == {"applied": 1}

    run = AllocationRun.objects.get()
    assert (run.run_key, run.trigger) == (f"schedule:{INTENDED}", "schedule")
    link.capital.refresh_from_db()
    assert link.capital.allocated_capital == Decimal(1000)


def test_accounts_that_are_not_due_are_counted_by_the_gates_code(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}})
    make_link(account=account)
    tasks.reallocate_due(intended="2026-03-05T03:10:00+00:00")

    assert tasks.reallocate_due(intended=INTENDED) == {"change_too_small": 1}


def test_a_sync_counts_pools(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    exchange.fail(account, "unauthorized", "futures")

    assert tasks.sync_balances(intended=INTENDED) == {"live": 1, "exchange_refused_key": 1}
    assert JobRun.objects.get().error == ""


def test_an_event_decides_once_however_often_it_is_delivered(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}})
    make_link(account=account)

    for _ in range(2):
        assert tasks.reallocate_after_event([account.pk], "event:1") == {"applied": 1}

    run = AllocationRun.objects.get()
    assert (run.run_key, run.trigger) == ("event:1", "event")
    assert [(job.name, job.intended_at, job.accounts) for job in JobRun.objects.all()] == [
        ("reallocate_after_event", None, 1),
        ("reallocate_after_event", None, 1),
    ]


def test_an_event_of_many_accounts_is_handed_out_under_its_key(settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 2
    ids = [make_account().pk for _ in range(3)]

    assert tasks.reallocate_after_event(ids, "event:1") == {"chunks": 2}

    assert [(task["func"], task["args"]) for task in queued()] == [
        ("capital.tasks.reallocate_after_event", (ids[:2], "event:1")),
        ("capital.tasks.reallocate_after_event", (ids[2:], "event:1")),
    ]


def test_an_event_of_an_account_that_is_gone_does_nothing() -> None:
    assert tasks.reallocate_after_event([10**9], "event:1") == {}


def test_rules_of_a_new_venue_are_fetched_and_nobody_elses(exchange: Exchange) -> None:
    exchange.open_account(venue="okx", wallets={})
    exchange.open_account(venue="bybit", wallets={})

    assert tasks.sync_markets_of_venue("okx") == {"synced": 1}

    assert set(Market.objects.values_list("venue", flat=True)) == {"okx"}
    assert JobRun.objects.get().name == "sync_markets_of_venue"


def test_task_payloads_hold_no_secret(
    settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    canaries = {"api_key": "CANARY-k", "api_secret": "CANARY-s", "api_passphrase": "CANARY-p"}
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        for _ in range(2):
            make_link(account=make_account(**canaries))
    tasks.sync_balances(intended=INTENDED)
    tasks.reallocate_due(intended=INTENDED)

    payloads = [repr(task) for task in queued()]
    assert len(payloads) >= 6
    assert not any("CANARY" in payload for payload in payloads)


# By hand


def test_by_hand_all_of_it_is_done_in_this_process(work: Work, settings: Any) -> None:
    settings.CAPITAL_JOB_CHUNK = 1
    ids = [make_account().pk for _ in range(3)]

    run = perform_by_hand("reallocate_due")

    assert work.calls == [(ids, None)]
    assert (run.intended_at, run.accounts, run.outcomes) == (None, 3, {"done": 3})
    assert queued() == []


def test_by_hand_a_reallocation_is_a_command_with_a_key_of_its_own(exchange: Exchange) -> None:
    make_link(account=exchange.open_account(wallets={"spot": {"USDT": "1000"}}))

    perform_by_hand("reallocate_due")

    run = AllocationRun.objects.get()
    assert run.trigger == "command"
    assert run.run_key.startswith("command:")


@pytest.mark.django_db
def test_accounts_for_which_an_allocation_came_to_nothing_are_named(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    good, bad = (make_account(name=name) for name in ("Good", "Bad"))
    make_summary(account=good, spot_balance=Decimal(100), futures_balance=Decimal(100))
    for account in (good, bad):
        make_link(account=account)

    with troubles_noted() as told:
        counts = reallocate([good.pk, bad.pk], trigger="schedule", run_key=None, clock=timezone.now)

    assert counts["applied"] == 1
    assert [each.partition(" (")[0] for each in told] == [f"Bad #{bad.pk}"]

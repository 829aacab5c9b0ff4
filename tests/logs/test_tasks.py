"""The id of a request goes with the tasks that it queues, and job lines name accounts."""

import logging
from collections import Counter
from typing import Any

import pytest
from django_q.models import OrmQ
from django_q.signals import post_execute_in_worker, pre_execute
from django_q.signing import SignedPackage

from capital import tasks, traces
from capital.models import Account
from capital.services.allocation import request_reallocation
from capital.services.jobs import perform_by_hand
from capital.services.jobs.runs import perform_for_venue
from capital.services.jobs.table import JOBS
from capital.services.jobs.work import WORK, Work
from tests.factories import make_account, make_link, make_summary

pytestmark = pytest.mark.django_db(transaction=True)

ID = "4f1c2f9e-0042"


def queued() -> dict[str, Any]:
    [row] = OrmQ.objects.all()
    task: dict[str, Any] = SignedPackage.loads(row.payload)
    return task


@pytest.fixture
def account() -> Account:
    made: Account = make_account()
    OrmQ.objects.all().delete()
    return made


def test_a_task_has_the_id_of_the_request_that_queued_it_and_its_lines_show_it(
    account: Account,
) -> None:
    traces.begin_trace(ID)
    request_reallocation([account.pk])
    traces.end_trace()

    task = queued()
    assert task["request_id"] == ID

    pre_execute.send("django_q", func=tasks.reallocate_after_event, task=task)
    assert traces.current_id() == ID
    post_execute_in_worker.send("django_q", func=tasks.reallocate_after_event, task=task)
    assert traces.current_id() is None


def test_what_no_request_asked_for_has_the_id_of_its_task(account: Account) -> None:
    request_reallocation([account.pk])

    task = queued()
    assert "request_id" not in task
    pre_execute.send("django_q", func=tasks.reallocate_after_event, task=task)
    assert traces.current_id() == task["id"]
    post_execute_in_worker.send("django_q", func=tasks.reallocate_after_event, task=task)


def test_a_job_names_the_accounts_that_it_could_not_do(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    silent, read = make_account(name="Silent"), make_account(name="Read")
    make_link(account=silent)
    make_link(account=read)
    make_summary(account=read, spot_balance=10, futures_balance=10, ending_balance=20)
    caplog.set_level(logging.INFO, "capital.services.jobs.records")

    perform_by_hand("reallocate_due")

    lines = [each.getMessage() for each in caplog.records]
    assert lines[-1] == f"Job reallocate_due: not for 1 accounts: Silent #{silent.pk} (no_balance)."
    assert caplog.records[-1].__dict__["figures"] == {
        "job": "reallocate_due",
        "not_for": [f"Silent #{silent.pk} (no_balance)"],
    }
    assert lines[-2] == (
        f"Job reallocate_due: for 2 accounts: Silent #{silent.pk}, Read #{read.pk}."
    )
    told = caplog.records[-3].__dict__["figures"]
    assert (told["job"], told["accounts"]) == ("reallocate_due", 2)


@pytest.mark.parametrize("job", [job.name for job in JOBS if job.takes_accounts])
def test_every_job_of_accounts_names_those_that_it_worked_on(
    caplog: pytest.LogCaptureFixture, settings: Any, job: str
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    main, alt = make_account(name="Main"), make_account(name="A\nlt")
    make_account(name="Off", is_active=False)
    caplog.set_level(logging.INFO, "capital.services.jobs.records")

    perform_by_hand(job)

    lines = [each.getMessage() for each in caplog.records]
    assert f"Job {job}: for 2 accounts: Main #{main.pk}, A lt #{alt.pk}." in lines


def test_a_job_that_fails_names_the_accounts_as_well(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_account(name="Main")
    monkeypatch.setattr("capital.services.balances.days.load_summaries", lambda *_, **__: 1 / 0)
    caplog.set_level(logging.INFO, "capital.services.jobs.records")

    perform_by_hand("close_day")

    lines = [each.getMessage() for each in caplog.records]
    assert lines[0].startswith("Job close_day met ZeroDivisionError")
    assert lines[-1] == f"Job close_day: for 1 accounts: Main #{account.pk}."


def test_rules_of_markets_name_the_accounts_that_trade_there(
    caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    main, alt = make_account(name="Main"), make_account(name="Alt", venue="bybit")
    make_account(name="Off", is_active=False)
    make_account(name="Odd", venue="bequant")
    caplog.set_level(logging.INFO, "capital.services.jobs.records")

    perform_by_hand("sync_markets")
    lines = [each.getMessage() for each in caplog.records]
    caplog.clear()
    perform_for_venue("bybit")

    of_both = f"Main #{main.pk}, Alt #{alt.pk}"
    assert f"Job sync_markets: for 2 accounts: {of_both}." in lines
    assert lines[-1] == (
        f"Job sync_markets: not for 2 accounts: Main #{main.pk} (live_disabled), "
        f"Alt #{alt.pk} (live_disabled)."
    )
    lines = [each.getMessage() for each in caplog.records]
    assert lines[1:] == [
        f"Job sync_markets_of_venue: for 1 accounts: Alt #{alt.pk}.",
        f"Job sync_markets_of_venue: not for 1 accounts: Alt #{alt.pk} (live_disabled).",
    ]


def test_a_line_names_twenty_accounts_at_most(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_ids: Any, _slot: Any) -> Counter[str]:
        for number in range(21):
            traces.note_trouble(number, f"A{number}", "failed")
            traces.note_trouble(number, f"A{number}", "failed")
        return Counter(failed=21)

    monkeypatch.setitem(WORK, "sync_balances", Work(work))
    caplog.set_level(logging.INFO, "capital.services.jobs.records")

    perform_by_hand("sync_balances")

    line = caplog.records[-1].getMessage()
    assert line.startswith("Job sync_balances: not for 21 accounts: A0 #0 (failed), A1 #1")
    assert line.endswith("A19 #19 (failed), ….")


def test_outside_of_a_job_and_of_a_request_nothing_is_noted() -> None:
    traces.note_trouble(1, "Main", "failed")
    traces.note_accounts([1])

    assert traces.current_id() is None


def test_a_request_notes_twenty_accounts_at_most() -> None:
    trace = traces.begin_trace()
    traces.note_accounts(range(30))
    traces.end_trace()

    assert list(trace.account_ids) == list(range(20))

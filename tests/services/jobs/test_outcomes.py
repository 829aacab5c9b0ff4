"""What jobs count has words of its own: a page shows no code."""

from typing import Any

import pytest
from django.utils import translation

from capital.services.jobs.runs import ALREADY_DONE, CHUNKS, EXPIRED, perform_by_hand
from capital.services.jobs.table import JOBS, Job
from capital.services.labels import has_label, label
from tests.factories import make_account, make_link, make_summary
from tests.simulated import Exchange


@pytest.mark.django_db
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
@pytest.mark.parametrize("is_answered", [True, False])
def test_every_outcome_of_a_job_is_called_something(
    job: Job, is_answered: bool, exchange: Exchange, settings: Any
) -> None:
    settings.CAPITAL_LIVE_BALANCES = is_answered
    account = make_account(currency="USDT")
    make_link(account=account)
    make_summary(account=account)

    run = perform_by_hand(job.name)

    assert run.outcomes or run.error or job.name == "sync_fills"
    assert [code for code in run.outcomes if not has_label(code)] == []


@pytest.mark.parametrize("code", [CHUNKS, EXPIRED, ALREADY_DONE])
def test_what_becomes_of_a_slot_is_called_something(code: str) -> None:
    assert has_label(code)
    with translation.override("ko"):
        assert label(code) != code

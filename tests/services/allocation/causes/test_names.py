"""A person reads strategies' names where a reason calls them by their keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.reasons import Code, Reason
from capital.models import AllocationRun, SettingChange
from capital.services.accounts.strategies import change_strategy
from capital.services.allocation import StrategyNames, causes_of
from strategies.models import Strategy
from tests.factories import make_account, make_strategy

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
REASON = Reason(Code.STRATEGIES_LINKED, {"user": "kim", "strategies": "trend, grid"})


def told(at: datetime = LATER) -> str:
    return StrategyNames.of([REASON]).sentence(REASON, at)


def test_names_stand_for_keys_and_what_is_stored_stays() -> None:
    make_strategy(key="trend", name="Trend of BTC")
    make_strategy(key="grid", name="Grid")
    make_strategy(key="swing", name="Swing")

    assert told() == "kim added Trend of BTC, Grid to the account."
    assert REASON.figures["strategies"] == "trend, grid"


def test_a_strategy_that_is_gone_is_called_by_its_key() -> None:
    make_strategy(key="grid", name="Grid")

    assert told() == "kim added trend, Grid to the account."


def test_a_strategy_is_called_as_it_is_now() -> None:
    make_strategy(key="grid", name="Grid")
    trend = make_strategy(key="trend", name="Trend")
    change_strategy(trend.pk, name="Trend of old")

    assert told() == "kim added Trend of old, Grid to the account."


def test_a_later_strategy_of_the_same_key_is_another_one() -> None:
    make_strategy(key="grid", name="Grid")
    make_strategy(key="trend", name="Trend of today")
    Strategy.objects.filter(key="trend").update(created_at=LATER + timedelta(seconds=1))

    assert told() == "kim added trend, Grid to the account."


def test_a_strategy_that_took_the_key_over_is_another_one() -> None:
    make_strategy(key="grid", name="Grid")
    swing = make_strategy(key="swing", name="Swing")
    before = datetime.now(UTC)
    change_strategy(swing.pk, key="trend")

    assert told(before) == "kim added trend, Grid to the account."
    assert told() == "kim added Swing, Grid to the account."


def test_names_of_many_runs_are_one_query_and_of_none_no_query() -> None:
    account = make_account()
    stored = {"code": REASON.code.value, "figures": dict(REASON.figures)}
    runs = [
        AllocationRun(account=account, arguments={"causes": [stored]}, created_at=LATER)
        for _ in range(20)
    ]
    make_strategy(key="trend", name="Trend")
    make_strategy(key="grid", name="Grid")
    counts: list[Any] = []
    for some in (runs, [AllocationRun(account=account)]):
        with CaptureQueriesContext(connection) as captured:
            names = StrategyNames.of_records(some)
            sentences = {sentence for run in some for sentence in names.causes(run)}
        counts.append((len(captured), sentences))

    assert counts == [(1, {"kim added Trend, Grid to the account."}), (0, set())]
    assert causes_of(runs[0].arguments) == [REASON]


def test_a_reason_without_strategies_is_told_as_ever() -> None:
    reason = Reason(Code.NEVER_ALLOCATED, {})

    assert StrategyNames.of([reason]).sentence(reason, NOW) == "This is the first allocation."


def test_a_change_is_called_by_the_name_where_it_is_a_strategy_s_on_an_account() -> None:
    make_strategy(key="trend", name="Trend of BTC")
    changes = [
        SettingChange(row="link", name="trend @ Main @ 2", created_at=LATER),
        SettingChange(row="link", name="gone @ Main", created_at=LATER),
        SettingChange(row="account", name="trend @ Main", created_at=LATER),
        SettingChange(row="link", name="nothing that we write", created_at=LATER),
    ]

    names = StrategyNames.of_records(changes=changes)

    assert [names.of_change(change) for change in changes] == [
        "Trend of BTC @ Main @ 2",
        "gone @ Main",
        "trend @ Main",
        "nothing that we write",
    ]

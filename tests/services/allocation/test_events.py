"""A change that matters queues work, on commit: a reallocation, or the first market rules."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django_q.models import OrmQ

from capital.models import Account, Position, StrategyAccount
from capital.services.allocation import events
from strategies.models import Strategy
from tests.factories import make_account, make_link, make_market, make_strategy

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch: Any) -> list[tuple[list[int], str]]:
    """Account ids and run keys, as they are queued."""
    calls: list[tuple[list[int], str]] = []

    def queue(task: str, *arguments: Any) -> None:
        if task == events.REALLOCATE_AFTER_EVENT:
            calls.append((arguments[0], arguments[1]))

    monkeypatch.setattr(events, "_queue", queue)
    return calls


@pytest.fixture
def link() -> StrategyAccount:
    return make_link()


def save(row: Any, **fields: Any) -> None:
    row = type(row).objects.get(pk=row.pk)
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def close(link: StrategyAccount) -> None:
    position = Position.objects.create(
        strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1)
    )
    save(position, quantity=Decimal(0))


def reopen_and_close(link: StrategyAccount) -> None:
    """One instance, as a bot that keeps it does."""
    position = Position.objects.create(
        strategy_account=link, symbol="BTC/USDT", quantity=Decimal(0)
    )
    for quantity in (1, 0, 0):
        position.quantity = Decimal(quantity)
        position.save()


def report_flat_twice(link: StrategyAccount) -> None:
    position = Position.objects.create(
        strategy_account=link, symbol="BTC/USDT", quantity=Decimal(0)
    )
    save(position, quantity=Decimal(0))
    position.save(update_fields=["entry_price"])


def remove_open(link: StrategyAccount) -> None:
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1)).delete()


CHANGES: dict[str, Callable[[StrategyAccount], object]] = {
    "a link is created": lambda link: make_link(
        account=link.account, strategy=make_strategy(owner=link.account.owner)
    ),
    "a weight changes": lambda link: save(link, weight=Decimal(2)),
    "a link is switched off": lambda link: save(link, is_active=False),
    "a link is removed": lambda link: link.delete(),
    "a strategy is paused": lambda link: save(link.strategy, status="PAUSED"),
    "a strategy is archived": lambda link: save(link.strategy, status="ARCHIVED"),
    "a reserve percentage changes": lambda link: save(link.account, reserve_percent=Decimal(5)),
    "a reserve amount changes": lambda link: save(link.account, reserve_amount=Decimal(5)),
    "a position is closed": close,
    "a position is opened and closed": reopen_and_close,
    "an open position is removed": remove_open,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_change_queues_its_account_once_on_commit(
    link: StrategyAccount,
    queued: Any,
    change: Any,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change(link)
        assert queued == [], "not before the commit"

    ((ids, run_key),) = queued
    assert ids == [link.account_id]
    assert run_key.startswith("event:")


@pytest.mark.parametrize(
    "change",
    [
        lambda link: save(link.account, name="Another"),
        lambda link: make_account(),
        lambda link: make_strategy(),
        lambda link: Position.objects.create(
            strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1)
        ),
        report_flat_twice,
    ],
    ids=["another name", "a new account", "a new strategy", "a position opens", "flat stays flat"],
)
def test_change_that_moves_no_capital_queues_nothing(
    link: StrategyAccount, queued: Any, change: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        change(link)

    assert queued == []


def test_strategy_queues_every_account_that_it_trades_on(
    link: StrategyAccount, queued: Any, django_capture_on_commit_callbacks: Any
) -> None:
    other = make_link(strategy=link.strategy, account=make_account())
    make_link()

    with django_capture_on_commit_callbacks(execute=True):
        save(link.strategy, status="PAUSED")

    assert queued[0][0] == [link.account_id, other.account_id]


def test_change_that_is_rolled_back_queues_nothing(
    link: StrategyAccount, queued: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True), transaction.atomic():
        save(link, weight=Decimal(2))
        transaction.set_rollback(True)

    assert queued == []


def test_each_request_has_a_key_of_its_own(
    link: StrategyAccount, queued: Any, django_capture_on_commit_callbacks: Any
) -> None:
    for weight in (2, 3):
        with django_capture_on_commit_callbacks(execute=True):
            save(link, weight=Decimal(weight))

    assert len({run_key for _, run_key in queued}) == 2
    assert Account.objects.count() == Strategy.objects.count() == 1


# Market rules


@pytest.fixture
def tasks(monkeypatch: Any) -> list[tuple[object, ...]]:
    """What is queued."""
    queued: list[tuple[object, ...]] = []
    monkeypatch.setattr(events, "_queue", lambda *task: queued.append(task))
    return queued


def test_first_account_of_a_venue_asks_for_its_market_rules(
    tasks: list[tuple[object, ...]], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    make_market(venue="bybit")
    with django_capture_on_commit_callbacks(execute=True):
        make_account(venue="okx", is_active=False)
        make_account(venue="okx")
        make_account(venue="okx")
        make_account(venue="upbit", currency="KRW")

    task = "capital.tasks.sync_markets_of_venue"
    assert tasks == [(task, "okx"), (task, "upbit")]


@pytest.mark.parametrize(
    "changes", [{"is_active": True}, {"venue": "okx"}], ids=["switched on", "moved"]
)
def test_account_that_is_put_to_use_later_asks_for_them_then(
    tasks: list[tuple[object, ...]],
    changes: dict[str, Any],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    account = make_account(venue="okx" if "is_active" in changes else "bybit", is_active=False)
    if "venue" in changes:
        save(account, is_active=True)

    with django_capture_on_commit_callbacks(execute=True):
        save(account, **changes)
        save(account, name="Renamed")

    assert tasks == [("capital.tasks.sync_markets_of_venue", "okx")]


def rules_are_known() -> Account:
    make_market(venue="okx")
    return make_account(venue="okx")


@pytest.mark.parametrize(
    "create",
    [
        rules_are_known,
        lambda: make_account(venue="okx", is_active=False),
        # Its rules are not synced: nothing is proven there.
        lambda: make_account(venue="whitebit"),
    ],
    ids=["known", "inactive", "unproven"],
)
def test_account_that_needs_no_market_rules_asks_for_none(
    tasks: list[tuple[object, ...]],
    create: Callable[[], Account],
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        create()

    assert tasks == []


@pytest.mark.django_db(transaction=True)
def test_request_for_no_account_queues_nothing(queued: list[Any]) -> None:
    link = make_link()
    queued.clear()

    events.request_reallocation([])
    assert queued == []

    events.request_reallocation([link.account_id])
    assert [ids for ids, _ in queued] == [[link.account_id]]


# The queue


def test_task_is_queued_with_its_arguments_as_one_of_events(
    link: StrategyAccount, django_capture_on_commit_callbacks: Any
) -> None:
    OrmQ.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):
        events.request_reallocation([link.account_id])
        make_account(venue="okx")

    asked, synced = (each.task for each in OrmQ.objects.order_by("pk"))
    assert (asked["func"], asked["group"]) == (events.REALLOCATE_AFTER_EVENT, "events")
    ids, run_key = asked["args"]
    assert (ids, run_key[:6]) == ([link.account_id], "event:")
    assert (synced["func"], synced["args"]) == (events.SYNC_MARKETS_OF_VENUE, ("okx",))


def test_queue_that_refuses_keeps_the_change_and_names_what_it_did_not_take(
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise DatabaseError("full")

    monkeypatch.setattr("django_q.tasks.async_task", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        account = make_account(venue="okx")

    assert Account.objects.get() == account
    assert f"{events.SYNC_MARKETS_OF_VENUE}('okx',) could not be queued." in caplog.text

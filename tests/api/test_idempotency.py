"""The same key and body give the same answer; behind it is one run."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, connections
from django.urls import get_resolver
from django.utils import timezone

from capital.api.frame import idempotency
from capital.api.frame.base import ApiView
from capital.models import Account, AccountAccess, AllocationRun, Flow, IdempotentRequest
from capital.services.access.idempotency import (
    claim_request,
    keep_answer,
    prune_requests,
    release_claim,
)
from strategies.models import Strategy
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_link, make_strategy, make_summary, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

KEY = {"Idempotency-Key": "signal-42"}


@pytest.fixture
def bot() -> Bot:
    return Bot(permit(make_user(), "capital.allocate_capital", "strategies.add_strategy"))


def funded(bot: Bot) -> Any:
    account = make_account(owner=bot.user)
    make_summary(account=account, spot_balance=Decimal(100))
    make_link(account=account)
    return account


def test_second_use_replays_the_first_answer_whatever_became_of_the_balance(bot: Bot) -> None:
    account = funded(bot)
    path, body = f"accounts/{account.pk}/allocate/", {"cached": True}

    first = bot.post(path, body, **KEY)
    account.summaries.update(spot_balance=Decimal(900))
    second = bot.post(path, body, **KEY)

    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert first["Content-Type"] == second["Content-Type"] == "application/json"
    assert ("Idempotency-Replayed" in first, second["Idempotency-Replayed"]) == (False, "true")
    run = AllocationRun.objects.get()
    assert run.run_key.startswith("api:")
    assert first.json()["run_key"] == run.run_key


def test_same_key_with_another_body_or_address_is_a_conflict(bot: Bot) -> None:
    account, other = funded(bot), funded(bot)
    bot.post(f"accounts/{account.pk}/allocate/", {"cached": True}, **KEY)

    another_body = bot.post(f"accounts/{account.pk}/allocate/", {"cached": False}, **KEY)
    another_path = bot.post(f"accounts/{other.pk}/allocate/", {"cached": True}, **KEY)

    assert problem(another_body, 409)["code"] == "idempotency_conflict"
    problem(another_path, 409)
    assert AllocationRun.objects.count() == 1


def test_body_may_be_spelled_otherwise(bot: Bot) -> None:
    account = funded(bot)
    path = f"/api/v1/accounts/{account.pk}/allocate/"
    headers = {"Authorization": f"Bearer {bot.text}", **KEY}

    answers = [
        bot.client.post(path, text, content_type="application/json", headers=headers)
        for text in ('{"cached": true, "force": false}', '{"force":false,"cached":true}')
    ]

    assert answers[0].content == answers[1].content


def test_key_of_another_token_is_another_key(bot: Bot) -> None:
    account = funded(bot)
    other = Bot(bot.user)
    path, body = f"accounts/{account.pk}/allocate/", {"cached": True}

    assert bot.post(path, body, **KEY).json()["id"] != other.post(path, body, **KEY).json()["id"]


def test_refusal_is_an_answer_too(bot: Bot) -> None:
    first = bot.post("strategies/", {"key": "trend"}, **KEY)
    second = bot.post("strategies/", {"key": "trend"}, **KEY)

    problem(second, 400)
    assert first.content == second.content


def test_creation_is_done_once(bot: Bot) -> None:
    body = {"key": "trend", "name": "Trend", "market_type": "spot"}

    answers = [bot.post("strategies/", body, **KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert Strategy.objects.count() == 1


def test_runs_are_not_told_again_where_one_account_went_to_somebody_else(bot: Bot) -> None:
    """However many accounts are seen since."""
    account, _ = funded(bot), funded(bot)
    assert len(bot.post("allocate/", {"cached": True}, **KEY).json()["runs"]) == 2

    make_account(owner=bot.user)
    Account.objects.filter(pk=account.pk).update(owner=make_user())

    problem(bot.post("allocate/", {"cached": True}, **KEY), 404)


def test_row_that_went_to_somebody_else_is_not_told_again(bot: Bot) -> None:
    body = {"key": "trend", "name": "Trend", "market_type": "spot"}
    bot.post("strategies/", body, **KEY)
    make_strategy(owner=bot.user)
    Strategy.objects.filter(key="trend").update(owner=make_user())

    problem(bot.post("strategies/", body, **KEY), 404)


def test_sizes_are_told_again_whatever_accounts_others_have(bot: Bot) -> None:
    """One of the strategy that was not among them, and one of the same name elsewhere."""
    link = make_link(account=make_account(name="Main"), capital="1000")
    make_link(account=make_account(owner=link.account.owner), strategy=link.strategy)
    make_link(account=make_account(name="Main"))
    AccountAccess.objects.create(account=link.account, user=bot.user, role="operator")
    path, order = f"strategies/{link.strategy.key}/size/", {"symbol": "BTC/USDT", "side": "buy"}

    first = bot.post(path, {**order, "qty_per": "50", "price": "50000"}, **KEY)
    again = bot.post(path, {**order, "qty_per": "50", "price": "50000"}, **KEY)

    assert [size["account"] for size in first.json()["sizes"]] == ["Main"]
    assert (again["Idempotency-Replayed"], again.content) == ("true", first.content)


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "caf\xe9"])
def test_key_that_cannot_be_kept_is_refused(bot: Bot, key: str) -> None:
    body = problem(bot.post("allocate/", {}, **{"Idempotency-Key": key}), 400)

    assert body["code"] == "invalid_idempotency_key"


def test_key_is_forgotten_after_a_day_and_then_decides_again(bot: Bot) -> None:
    account = funded(bot)
    path, body = f"accounts/{account.pk}/allocate/", {"cached": True}
    first = bot.post(path, body, **KEY)

    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        second = bot.post(path, body, **KEY)

    assert first.json()["run_key"] != second.json()["run_key"]
    assert AllocationRun.objects.count() == 2


def test_old_keys_are_pruned() -> None:
    now = timezone.now()
    for hours in (23, 25):
        IdempotentRequest.objects.create(
            caller="user:1",
            key=f"{hours}",
            fingerprint="x",
            created_at=now - timedelta(hours=hours),
        )

    assert prune_requests(now=now) == 1
    assert IdempotentRequest.objects.get().key == "23"


def test_failure_of_ours_leaves_no_answer_and_the_next_attempt_has_the_same_run_key(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = funded(bot)
    path, body = f"accounts/{account.pk}/allocate/", {"cached": True}
    keys: list[str] = []
    from capital.api.views import allocation

    honest = allocation.allocate_capital

    def broken(*args: Any, run_key: str, **kwargs: Any) -> Any:
        keys.append(run_key)
        if len(keys) == 1:
            raise RuntimeError
        return honest(*args, run_key=run_key, **kwargs)

    monkeypatch.setattr(allocation, "allocate_capital", broken)
    bot.client.raise_request_exception = False

    assert [bot.post(path, body, **KEY).status_code for _ in range(3)] == [500, 200, 200]
    assert keys[0] == keys[1]
    assert len(keys) == 2


def test_failure_that_is_not_on_record_is_tried_again(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason says: try again. With its key, a bot got the failure again for a day."""
    path = f"accounts/{funded(bot).pk}/allocate/"

    def refuse(*_args: Any, **_options: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as away:
        away.setattr("capital.services.allocation.batches.record_verdicts", refuse)
        first = bot.post(path, {"cached": True}, **KEY).json()
    second = bot.post(path, {"cached": True}, **KEY)
    third = bot.post(path, {"cached": True}, **KEY)

    assert (first["id"], first["code"]) == (None, "database_error")
    assert second.json()["code"] == "allocated"
    assert second.json()["run_key"] == first["run_key"]
    assert third["Idempotency-Replayed"] == "true"
    assert AllocationRun.objects.count() == 1


def test_work_is_not_done_twice_where_its_answer_could_not_be_kept(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ends between the two, or its connection, leaves both or neither."""
    bot = Bot(permit(bot.user, "capital.change_flows"))
    account = make_account(owner=bot.user)
    told = {"pool": "spot", "kind": "deposit", "currency": "USDT", "amount": "7"}
    path, body = (
        f"accounts/{account.pk}/flows/",
        {**told, "occurred_at": timezone.now().isoformat()},
    )
    _lose_the_first_answer(monkeypatch)

    answers = [bot.post(path, body, **KEY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 201, 201]
    assert answers[1].content == answers[2].content
    assert Flow.objects.get().amount == 7


def test_creation_is_answered_as_one_where_its_answer_could_not_be_kept(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lose_the_first_answer(monkeypatch)
    body = {"key": "trend", "name": "Trend", "market_type": "spot"}

    answers = [bot.post("strategies/", body, **KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 201]


def _lose_the_first_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []

    def lose(*args: Any) -> None:
        kept.append(args)
        if len(kept) == 1:
            raise OperationalError
        keep_answer(*args)

    monkeypatch.setattr(idempotency, "keep_answer", lose)


# What a repetition finds by itself, beside the kept answer.
FOUND_AGAIN = {
    "allocate": "the run, by its run key",
    "size": "the reservation, by its key",
    "reservations": "the reservation, by its key",
    "fills": "the fills, by their ids",
    "stop": "the stop that is in force",
    "lift": "that it is lifted",
    "revert": "that the run was reverted",
    "check_connection": "nothing: it asks again",
}


def test_every_post_is_known_again_by_its_answer_or_by_its_work() -> None:
    """Else whoever repeats it after a crash does it twice."""
    unknown = set()
    for view, methods in _routes(get_resolver().url_patterns):
        action = methods.get("post")
        if action and action not in {*view.answered_with_work, *FOUND_AGAIN}:
            unknown.add(f"{view.__name__}.{action}")

    assert unknown == set()


def _routes(patterns: Any) -> Iterator[tuple[type[ApiView], dict[str, str]]]:
    for each in patterns:
        if hasattr(each, "url_patterns"):
            yield from _routes(each.url_patterns)
        elif issubclass(getattr(each.callback, "cls", object), ApiView):
            yield each.callback.cls, each.callback.actions


def test_claim_of_a_dead_process_is_taken_over_with_its_run_key() -> None:
    now = timezone.now()
    first = claim_request("user:1", "k", "f", clock=lambda: now)

    later = claim_request("user:1", "k", "f", clock=lambda: now + timedelta(seconds=91))

    assert (later.pk, later.run_key, later.answer) == (first.pk, first.run_key, None)
    release_claim(later)
    again = claim_request("user:1", "k", "f", clock=lambda: now + timedelta(seconds=92))
    assert again.run_key == first.run_key


def test_who_waits_too_long_is_told_to_come_back(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(timedelta(seconds=second) for second in range(0, 1000, 5))
    claim_request("user:1", "k", "f")
    from capital.domain.errors import RequestInProgress

    with pytest.raises(RequestInProgress):
        claim_request("user:1", "k", "f", steady=lambda: next(times), pause=lambda _seconds: None)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_sixteen_clients_with_one_key_get_sixteen_equal_answers_of_one_run(
    exchange: Exchange,
) -> None:
    bot = Bot(permit(make_user(), "capital.allocate_capital"))
    account = exchange.open_account(
        owner=bot.user, wallets={"spot": {"USDT": "10369"}, "futures": {"USDT": "5000"}}
    )
    make_link(account=account)
    gate = threading.Barrier(16)

    def ask(_number: int) -> tuple[int, bytes]:
        try:
            gate.wait(30)
            answer = bot.post(f"accounts/{account.pk}/allocate/", {}, **KEY)
            return answer.status_code, answer.content
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))

    assert {status for status, _ in answers} == {200}
    assert len(set(answers)) == 1
    assert AllocationRun.objects.count() == 1
    assert exchange.asked == [("binance", "spot")]
    assert connection.vendor == "postgresql"

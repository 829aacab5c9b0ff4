"""The same delivery is found again and answered once, beside those of others."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.errors import DeliveryArchived, DeliveryConflict, DeliveryInProgress
from capital.domain.sizing.orders import OrderRequest
from capital.models import (
    AccountAccess,
    AllocationRun,
    ArchivedDelivery,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.webhooks import receive
from capital.services.webhooks.deliveries import (
    Delivery,
    await_answer,
    claim_delivery,
    interrupted_deliveries,
    keep_answer,
)
from capital.services.webhooks.receive import receive_signal
from capital.services.webhooks.refusals import record_refusal
from capital.services.webhooks.secrets import remove_secret, rotate_secret
from strategies.models import Strategy
from tests.factories import make_account, make_link, make_operator, make_strategy, trust
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
BUY = {"symbol": "BTC/USDT", "side": "buy", "qty_per": "50", "price": "50000"}
ORDER = OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal(50), price=Decimal(50000))


def delivery(**fields: Any) -> Delivery:
    return Delivery(**{"body": BUY, "orders": [ORDER], **fields})


def secret_of(strategy: Strategy) -> WebhookSecret:
    trust(strategy.owner)
    rotate_secret(strategy)
    return WebhookSecret.objects.get(strategy=strategy)


@pytest.fixture
def secret() -> WebhookSecret:
    return secret_of(make_strategy())


@pytest.fixture
def other() -> WebhookSecret:
    """Another strategy's."""
    return secret_of(make_strategy())


def claim(
    secret: WebhookSecret, *, at: datetime = NOW, **fields: Any
) -> tuple[WebhookDelivery, bool]:
    return claim_delivery(secret, delivery(**fields), address="", clock=lambda: at)


def steps(*seconds: float) -> Callable[[], datetime]:
    times: Iterator[datetime] = (NOW + timedelta(seconds=each) for each in seconds)
    return lambda: next(times)


def waiting(*seconds: float) -> Callable[[], timedelta]:
    """The clock that durations are measured by."""
    times: Iterator[timedelta] = (timedelta(seconds=each) for each in seconds)
    return lambda: next(times)


def no_pause(_seconds: float) -> None:
    """Nobody waits in a test."""


def never(_seconds: float) -> None:
    pytest.fail("there is nothing to wait for")


# Which one it is


@pytest.mark.parametrize("delivery_id", ["", "tv-1"])
def test_other_strategys_delivery_is_another_one(
    secret: WebhookSecret, other: WebhookSecret, delivery_id: str
) -> None:
    theirs, _ = claim(other, delivery_id=delivery_id)

    row, is_new = claim(secret, delivery_id=delivery_id)

    assert (is_new, row.strategy, theirs.strategy) == (True, secret.strategy, other.strategy)
    assert claim(other, delivery_id=delivery_id) == (theirs, False)
    assert claim(secret, delivery_id=delivery_id) == (row, False)


def test_id_of_another_strategys_delivery_with_another_body_is_no_conflict(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    claim(other, delivery_id="tv-1", body={**BUY, "qty_per": "51"})

    assert claim(secret, delivery_id="tv-1")[1] is True
    with pytest.raises(DeliveryConflict):
        claim(secret, delivery_id="tv-1", body={**BUY, "qty_per": "51"})


def test_each_id_is_its_own_delivery(secret: WebhookSecret) -> None:
    rows = [claim(secret, delivery_id=name)[0] for name in ("tv-1", "tv-2")]

    assert [claim(secret, delivery_id=name) for name in ("tv-1", "tv-2")] == [
        (row, False) for row in rows
    ]


def test_without_an_id_each_body_is_its_own_delivery(secret: WebhookSecret) -> None:
    sell = {**BUY, "side": "sell"}
    bought, _ = claim(secret)

    sold, is_new = claim(secret, body=sell)

    assert is_new
    assert (claim(secret), claim(secret, body=sell)) == ((bought, False), (sold, False))


def test_body_that_came_with_an_id_is_not_the_one_without(secret: WebhookSecret) -> None:
    named, _ = claim(secret, delivery_id="tv-1")

    row, is_new = claim(secret)

    assert is_new
    assert row != named


def test_call_that_was_refused_answers_no_later_one_of_the_same_body(
    secret: WebhookSecret,
) -> None:
    refusal = {"status": 409, "code": "delivery_in_progress", "detail": "Try again."}
    refused = record_refusal(
        secret, body=BUY, refusal=refusal, address="203.0.113.7", clock=lambda: NOW
    )

    row, is_new = claim(secret)

    assert refused.fingerprint == row.fingerprint
    assert (is_new, row.refusal) == (True, None)
    assert claim(secret) == (row, False)


def test_archived_id_is_its_own_strategy_s_and_no_other_id(
    secret: WebhookSecret, other: WebhookSecret, seoul: None
) -> None:
    long_ago = NOW - timedelta(days=400)
    for number, (strategy, name) in enumerate(
        [(secret.strategy, "tv-1"), (other.strategy, "tv-2")], start=1
    ):
        ArchivedDelivery.objects.create(
            strategy=strategy,
            delivery_id=name,
            fingerprint=delivery().fingerprint,
            delivery=number,
            received_at=long_ago,
        )

    assert claim(secret, delivery_id="tv-2")[1] is True
    assert claim(other, delivery_id="tv-1")[1] is True
    with pytest.raises(DeliveryArchived) as archived:
        claim(secret, delivery_id="tv-1")
    assert archived.value.reason.figures == {
        "delivery": "tv-1",
        "received_at": "2025-10-20T12:00:00+09:00",
    }
    with pytest.raises(DeliveryConflict):
        claim(secret, delivery_id="tv-1", body={**BUY, "qty_per": "51"})


def test_nonce_of_one_strategy_may_be_used_by_another(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    assert claim(secret, nonce="n0nce-01", delivery_id="a")[1]
    assert claim(other, nonce="n0nce-01", delivery_id="a")[1]


def test_removed_secret_leaves_the_others_open(secret: WebhookSecret, other: WebhookSecret) -> None:
    assert remove_secret(secret.strategy) is True

    assert list(WebhookSecret.objects.all()) == [other]
    assert remove_secret(secret.strategy) is False


# Its answer


def test_duplicate_gets_its_own_answer_and_no_other(exchange: Exchange) -> None:
    secrets = []
    for amount in ("1000", "3000"):
        strategy = make_strategy()
        account = exchange.open_account(
            wallets={"spot": {"USDT": amount}, "futures": {"USDT": "0"}}
        )
        make_link(account=account, strategy=strategy)
        secrets.append(secret_of(strategy))
    first = [receive_signal(secret, delivery(), clock=lambda: NOW) for secret in secrets]
    first.append(receive_signal(secrets[1], delivery(delivery_id="tv-1"), clock=lambda: NOW))

    again = [receive_signal(secret, delivery(), clock=lambda: NOW) for secret in secrets]
    again.append(receive_signal(secrets[1], delivery(delivery_id="tv-1"), clock=lambda: NOW))

    assert again == first
    assert [answer["sizes"][0]["capital"] for answer in again] == ["1000", "3000", "3000"]
    assert len({answer["delivery"] for answer in again}) == 3


def test_duplicate_waits_until_its_own_answer_is_there(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    (row, _), (theirs, _) = claim(secret), claim(other)
    keep_answer(theirs, {"whose": "theirs"}, clock=lambda: NOW)
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 3:
            keep_answer(row, {"whose": "ours"}, clock=lambda: NOW)

    answer = await_answer(row, clock=lambda: NOW, pause=pause)
    assert answer is not None
    assert answer.body == {"whose": "ours"}
    assert len(paused) == 3


def test_duplicate_of_a_delivery_in_progress_is_told_to_come_back(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    (row, _), (theirs, _) = claim(secret), claim(other)
    keep_answer(theirs, {"whose": "theirs"}, clock=lambda: NOW)

    with pytest.raises(DeliveryInProgress):
        await_answer(row, clock=lambda: NOW, steady=waiting(0, 1, 2, 2.7), pause=no_pause)


def test_work_is_given_up_after_thirty_seconds_and_not_before(secret: WebhookSecret) -> None:
    row, _ = claim(secret)

    with pytest.raises(DeliveryInProgress):
        await_answer(row, clock=steps(30), steady=waiting(0, 2.7), pause=no_pause)
    late = await_answer(row, clock=steps(30, 30.05), steady=waiting(0, 2.6, 2.65), pause=no_pause)
    assert late is None


def test_first_answer_that_was_kept_counts(secret: WebhookSecret, other: WebhookSecret) -> None:
    (row, _), (theirs, _) = claim(secret), claim(other)
    keep_answer(theirs, {"whose": "theirs"}, clock=lambda: NOW)

    kept = keep_answer(row, {"number": 1}, clock=lambda: NOW)
    late = keep_answer(row, {"number": 2}, clock=lambda: NOW)

    assert (kept, late) == ({"number": 1}, {"number": 1})
    assert WebhookAnswer.objects.get(delivery=row).body == {"number": 1}


def test_interrupted_are_those_of_a_time_that_nobody_answered_or_refused(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    def at(seconds: int) -> datetime:
        return NOW - timedelta(seconds=seconds)

    rows = [
        claim(each, delivery_id=f"{seconds}", at=at(seconds))[0]
        for each in (secret, other)
        for seconds in (21, 600, 599, 20)
    ]
    answered, _ = claim(secret, delivery_id="answered", at=at(60))
    keep_answer(answered, {}, clock=lambda: NOW)
    record_refusal(secret, body=BUY, refusal={"status": 422}, address="", clock=lambda: at(60))

    found = interrupted_deliveries(now=NOW, within=timedelta(minutes=10))
    assert list(found) == [rows[0], rows[2], rows[4], rows[6]]


def interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that has the next delivery dies after it has done the work."""
    work = receive._work

    def die(*arguments: Any) -> dict[str, Any]:
        monkeypatch.setattr(receive, "_work", work)
        work(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(receive, "_work", die)


def test_claim_of_a_dead_process_is_taken_over_and_decided_once(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}})
    secret = secret_of(make_link(account=account).strategy)
    interrupt(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        receive_signal(secret, delivery(), clock=lambda: NOW)
    exchange.set_balance(account, "spot", "9000")

    with pytest.raises(DeliveryInProgress):
        receive_signal(
            secret, delivery(), clock=steps(1, 2, 4), steady=waiting(0, 1, 3), pause=no_pause
        )
    assert not WebhookAnswer.objects.exists()
    later = NOW + timedelta(seconds=31)
    answer = receive_signal(secret, delivery(), clock=lambda: later, pause=never)

    run = AllocationRun.objects.get()
    assert run.run_key == f"webhook:{WebhookDelivery.objects.get().pk}"
    assert [each["run"] for each in answer["allocations"]] == [run.pk]
    assert answer["sizes"][0]["capital"] == "1000"
    assert receive_signal(secret, delivery(), clock=lambda: later, pause=never) == answer


def test_process_that_is_overtaken_gives_the_answer_of_the_one_that_took_over(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}})
    secret = secret_of(make_link(account=account).strategy)
    work, answers = receive._work, []

    def slow(*arguments: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        monkeypatch.setattr(receive, "_work", work)
        later = NOW + timedelta(seconds=31)
        answers.append(receive_signal(secret, delivery(), clock=lambda: later, pause=never))
        return {"too": "late"}, {}

    monkeypatch.setattr(receive, "_work", slow)

    assert [receive_signal(secret, delivery(), clock=lambda: NOW)] == answers
    assert answers[0]["allocations"][0]["outcome"] == "applied"
    assert WebhookAnswer.objects.get().body == answers[0]


# Where it acts


def test_signal_acts_on_the_active_links_of_its_strategy_only(exchange: Exchange) -> None:
    def open_account(**fields: Any) -> Any:
        wallets = {"spot": {"USDT": "100"}, "futures": {"USDT": "0"}}
        return exchange.open_account(wallets=wallets, **fields)

    strategy = make_strategy()
    mine, off = open_account(), open_account()
    make_link(account=mine, strategy=strategy)
    make_link(account=off, strategy=strategy, is_active=False)
    make_link(account=make_account(is_active=False), strategy=strategy)
    make_link(account=open_account())

    answer = receive_signal(secret_of(strategy), delivery(), clock=lambda: NOW)

    assert [each["account"] for each in answer["allocations"]] == [mine.name]
    assert [each["account"] for each in answer["sizes"]] == [mine.name]
    assert [run.account for run in AllocationRun.objects.all()] == [mine]


def test_signal_passes_over_accounts_that_its_owner_may_not_allocate() -> None:
    owner = make_operator("allocate_capital")
    strategy = make_strategy(owner=owner)
    mine, shared, seen, strangers = make_account(owner=owner), *(make_account() for _ in range(3))
    AccountAccess.objects.create(account=shared, user=owner, role="operator")
    AccountAccess.objects.create(account=seen, user=owner, role="viewer")
    for account in (mine, shared, seen, strangers):
        make_link(account=account, strategy=strategy)
    rotate_secret(strategy)

    answer = receive_signal(WebhookSecret.objects.get(), delivery(), clock=lambda: NOW)

    worked_on = [mine.name, shared.name]
    assert [each["account"] for each in answer["allocations"]] == worked_on
    assert [each["account"] for each in answer["sizes"]] == worked_on
    assert {run.account for run in AllocationRun.objects.all()} == {mine, shared}
    assert [each["code"] for each in answer["warnings"]] == ["accounts_passed_over"]
    assert answer["warnings"][0]["reason"].endswith(": 2.")


def test_answer_has_the_balances_that_were_used_to_the_last_digit(
    exchange: Exchange, seoul: None
) -> None:
    strategy = make_strategy()
    account = exchange.open_account(
        wallets={"spot": {"USDT": "1000.0195"}, "futures": {"USDT": "0"}}
    )
    make_link(account=account, strategy=strategy)
    make_link(account=account, market_type="futures")
    exchange.fail(account, "unauthorized", "futures")

    answer = receive_signal(secret_of(strategy), delivery(), clock=lambda: NOW)

    assert answer["allocations"][0]["balances"] == [
        {
            "pool": "spot",
            "amount": "1000.0195",
            "source": "live",
            "observed_at": "2026-11-24T12:00:00+09:00",
        },
        {"pool": "futures", "amount": None, "source": "none", "observed_at": None},
    ]


def test_waiting_ends_although_the_clock_is_set_back(secret: WebhookSecret) -> None:
    row, _ = claim(secret)

    with pytest.raises(DeliveryInProgress):
        await_answer(row, clock=steps(1, -30, -60), steady=waiting(0, 1, 2, 2.7), pause=no_pause)


def test_a_delivery_of_before_the_clock_was_set_back_is_taken_over(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    (row, _), (theirs, _) = claim(secret), claim(other)
    keep_answer(theirs, {"whose": "theirs"}, clock=lambda: NOW)

    # Another machine's clock may be so far behind.
    with pytest.raises(DeliveryInProgress):
        await_answer(row, clock=steps(-120), steady=waiting(0, 2.7), pause=no_pause)
    assert await_answer(row, clock=steps(-121), steady=waiting(0, 0), pause=no_pause) is None


def test_the_same_signal_after_the_clock_was_set_back_is_another_one(
    secret: WebhookSecret, other: WebhookSecret
) -> None:
    (row, _), _ = claim(secret), claim(other)

    again, is_new = claim(secret, at=NOW - timedelta(minutes=10))
    on_another_machine, is_newer = claim(secret, at=NOW - timedelta(minutes=12))

    assert (is_new, again.pk == row.pk) == (True, False)
    assert (is_newer, on_another_machine.pk) == (False, again.pk)

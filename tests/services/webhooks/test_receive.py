"""A delivered signal: one answer for the same delivery, none for a forged one."""

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import close_old_connections, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from capital.domain.errors import DeliveryConflict, WebhookRefused
from capital.domain.sizing.orders import OrderRequest
from capital.domain.sizing.targets import TargetRequest
from capital.exchange.moments import Moment
from capital.models import (
    Account,
    AllocationRun,
    DailyAccountSummary,
    Reservation,
    StrategyAccount,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.balances.summaries import business_date
from capital.services.limits import release_reservation
from capital.services.webhooks.deliveries import Delivery, stored_delivery
from capital.services.webhooks.receive import BALANCE_PATIENCE, balance_patience, receive_signal
from capital.services.webhooks.secrets import (
    Proof,
    check_proof,
    prune_nonces,
    rotate_secret,
    sign,
    signing_key_of,
    webhook_name,
)
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.factories import make_account, make_link, make_market, make_strategy, trust
from tests.hooks import check_at_its_address, name_of
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
BUY = {"symbol": "BTC/USDT", "side": "buy", "qty_per": "50", "price": "50000"}


def signed(
    secret: str, body: bytes = b"{}", *, at: datetime = NOW, nonce: str = "n0nce-01"
) -> Proof:
    timestamp = str(int(at.timestamp()))
    signature = sign(signing_key_of(secret), timestamp=timestamp, nonce=nonce, body=body)
    return Proof(timestamp=timestamp, nonce=nonce, signature=signature, body=body)


def delivery(**fields: Any) -> Delivery:
    order = OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal(50), price=Decimal(50000))
    return Delivery(**{"body": BUY, "orders": [order], **fields})


def secret_of(strategy: Any) -> WebhookSecret:
    trust(strategy.owner)
    rotate_secret(strategy)
    return WebhookSecret.objects.get(strategy=strategy)


# The secret


def test_shown_secret_opens_its_own_strategy_only() -> None:
    strategy, other = make_strategy(), make_strategy()
    text = rotate_secret(strategy)
    rotate_secret(other)

    assert check_at_its_address(strategy.key, Proof(token=text)).strategy == strategy
    with pytest.raises(WebhookRefused):
        check_at_its_address(other.key, Proof(token=text))


def test_secret_is_nowhere_kept() -> None:
    strategy = make_strategy()
    text = rotate_secret(strategy)

    row = WebhookSecret.objects.get()

    kept = f"{row.__dict__} {row.signing_key} {row!r} {WebhookSecret.objects.values()}"
    assert text not in kept
    assert row.signing_key not in str(WebhookSecret.objects.values())


def test_rotating_shuts_the_old_one_out() -> None:
    strategy = make_strategy()
    old = rotate_secret(strategy)
    new = rotate_secret(strategy)

    with pytest.raises(WebhookRefused):
        check_at_its_address(strategy.key, Proof(token=old))
    assert check_at_its_address(strategy.key, Proof(token=new))


@pytest.mark.parametrize("token", ["", "wrong", "whs_", "x" * 10_000, "한글", "\udcff"])
def test_wrong_secret_is_refused(token: str) -> None:
    strategy = make_strategy()
    rotate_secret(strategy)

    with pytest.raises(WebhookRefused):
        check_at_its_address(strategy.key, Proof(token=token))


def test_right_secret_at_another_webhook_s_address_is_refused() -> None:
    strategy, other = make_strategy(), make_strategy()
    text = rotate_secret(strategy)
    rotate_secret(other)

    assert check_proof(strategy.key, Proof(token=text), name=webhook_name(strategy))
    for name in (webhook_name(other), webhook_name(strategy)[:-1]):
        with pytest.raises(WebhookRefused):
            check_proof(strategy.key, Proof(token=text), name=name)


def test_unknown_strategy_takes_as_many_queries_and_says_the_same(
    django_assert_num_queries: Any,
) -> None:
    strategy, without = make_strategy(), make_strategy()
    rotate_secret(strategy)

    said = set()
    name = name_of(strategy.key)
    text = rotate_secret(make_strategy(key="named"))
    for key, end, token in (
        (strategy.key, name, "whs_wrong"),
        (without.key, name, "whs_wrong"),
        ("no-such-strategy", name, "whs_wrong"),
        ("named", "", text),
        ("named", name, text),
    ):
        with django_assert_num_queries(1), pytest.raises(WebhookRefused) as refused:
            check_proof(key, Proof(token=token), name=end)
        said.add(str(refused.value))

    assert len(said) == 1


def test_signed_call_is_accepted_within_300_seconds() -> None:
    strategy = make_strategy()
    text = rotate_secret(strategy)

    for offset in (-300, 0, 300):
        proof = signed(text, at=NOW + timedelta(seconds=offset))
        assert check_at_its_address(strategy.key, proof, clock=lambda: NOW)
    for offset in (-301, 301, 10**6):
        with pytest.raises(WebhookRefused):
            check_at_its_address(
                strategy.key, signed(text, at=NOW + timedelta(seconds=offset)), clock=lambda: NOW
            )


def test_signature_covers_time_nonce_and_every_byte() -> None:
    strategy = make_strategy()
    text = rotate_secret(strategy)
    good = signed(text, b'{"symbol":"BTC/USDT"}')

    for change in (
        {"body": good.body + b" "},
        {"nonce": "n0nce-02"},
        {"timestamp": str(int(good.timestamp) + 1)},
        {"signature": good.signature[:-1] + ("0" if good.signature[-1] != "0" else "1")},
        {"signature": "한글"},
    ):
        forged = Proof(**{**good.__dict__, **change})
        with pytest.raises(WebhookRefused):
            check_at_its_address(strategy.key, forged, clock=lambda: NOW)


@pytest.mark.parametrize("nonce", ["", "short", "x" * 101, "with space here", "개행\n개행개행개행"])
def test_odd_nonce_is_refused(nonce: str) -> None:
    strategy = make_strategy()
    text = rotate_secret(strategy)

    with pytest.raises(WebhookRefused):
        check_at_its_address(strategy.key, signed(text, nonce=nonce), clock=lambda: NOW)


def test_thousand_forged_replayed_or_expired_calls_are_none_accepted() -> None:
    strategy = make_strategy()
    text = rotate_secret(strategy)
    secret = WebhookSecret.objects.get()
    receive_signal(secret, delivery(nonce="n0nce-01"), clock=lambda: NOW)
    accepted = 0

    for number in range(1000):
        kind = number % 4
        try:
            if kind == 0:
                check_at_its_address(strategy.key, Proof(token=f"whs_{number}"), clock=lambda: NOW)
            elif kind == 1:
                forged = signed(f"whs_{number}", nonce=f"n0nce-{number:05}")
                check_at_its_address(strategy.key, forged, clock=lambda: NOW)
            elif kind == 2:
                old = signed(text, at=NOW - timedelta(seconds=301 + number))
                check_at_its_address(strategy.key, old, clock=lambda: NOW)
            else:
                found = check_at_its_address(strategy.key, signed(text), clock=lambda: NOW)
                receive_signal(
                    found,
                    delivery(nonce="n0nce-01", delivery_id=f"replay-{number}"),
                    clock=lambda: NOW,
                )
            accepted += 1
        except WebhookRefused:
            pass

    assert accepted == 0
    assert WebhookDelivery.objects.count() == 1


def test_nonces_are_forgotten_once_their_time_refuses_them() -> None:
    secret = secret_of(make_strategy())
    receive_signal(secret, delivery(nonce="n0nce-01"), clock=lambda: NOW)

    assert prune_nonces(now=NOW + timedelta(seconds=601)) == 0
    assert prune_nonces(now=NOW + timedelta(seconds=1201)) == 1


# The delivery


def test_signal_allocates_where_due_and_sizes_on_every_account(exchange: Exchange) -> None:
    strategy = make_strategy(key="grid")
    accounts = [
        exchange.open_account(wallets={"spot": {"USDT": amount}, "futures": {"USDT": "0"}})
        for amount in ("1000", "3000")
    ]
    for account in accounts:
        make_link(account=account, strategy=strategy)

    answer = receive_signal(secret_of(strategy), delivery())

    assert [each["outcome"] for each in answer["allocations"]] == ["applied", "applied"]
    assert [each["capital"] for each in answer["sizes"]] == ["1000", "3000"]
    assert {run.trigger for run in AllocationRun.objects.all()} == {"webhook"}
    assert answer["warnings"] == []
    assert answer["allocations"][0]["balances"][0]["source"] == "live"


def test_slow_exchange_is_answered_from_the_cache_in_time_and_says_so(exchange: Exchange) -> None:
    strategy = make_strategy(key="grid")
    account = exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}})
    make_link(account=account, strategy=strategy)
    secret = secret_of(strategy)
    receive_signal(secret, delivery(delivery_id="first"))
    exchange.fail(account, "timeout")

    began = datetime.now(UTC)
    answer = receive_signal(secret, delivery(delivery_id="second"))

    assert datetime.now(UTC) - began < timedelta(seconds=3)
    assert [warning["code"] for warning in answer["warnings"]] == ["balance_not_live"]
    assert answer["allocations"][0]["balances"][0]["source"] == "cached"
    assert answer["sizes"][0]["capital"] == "1000"


def test_venue_slow_in_everything_is_still_answered_in_three_seconds(settings: Any) -> None:
    link = make_link(strategy=make_strategy(key="grid"), capital="1000")
    account = link.account
    account.api_key, account.api_secret = "CANARY-key", "CANARY-secret"
    account.save()
    make_market(venue="binance", symbol="BTC/USDT")
    without_price = OrderRequest(symbol="BTC/USDT", side="buy", qty_per=Decimal(50))
    secret = secret_of(link.strategy)

    with SimulatedExchange(ExchangeState(), latency_seconds=10) as server:
        settings.CAPITAL_VENUE_URLS = {"binance": server.base_url}
        began = datetime.now(UTC)
        answer = receive_signal(secret, delivery(orders=[without_price]))
        took = datetime.now(UTC) - began

    assert took < timedelta(seconds=3)
    assert answer["allocations"][0]["code"] == "no_balance"
    assert answer["sizes"][0]["code"] == "price_unavailable"


def test_time_counts_from_the_request_not_from_an_accounts_turn(exchange: Exchange) -> None:
    strategy = make_strategy(key="grid")
    accounts = [
        exchange.open_account(wallets={"spot": {"USDT": "1000"}, "futures": {"USDT": "0"}})
        for _ in range(2)
    ]
    for account in accounts:
        make_link(account=account, strategy=strategy)
    secret = secret_of(strategy)
    receive_signal(secret, delivery(delivery_id="first"))
    exchange.server.forget_requests()

    # The request waited for all the time that its exchanges had.
    late = receive_signal(
        secret, delivery(delivery_id="second"), began=Moment.now() - BALANCE_PATIENCE
    )

    assert [code for code in exchange.asked if code[1] == "spot"] == []
    assert [warning["code"] for warning in late["warnings"]] == ["balance_not_live"] * 2
    assert [size["capital"] for size in late["sizes"]] == ["1000", "1000"]


def test_more_accounts_leave_less_time_for_their_exchanges() -> None:
    assert balance_patience(1) == timedelta(milliseconds=1499.2)
    assert balance_patience(1000) == timedelta(milliseconds=700)
    assert balance_patience(100_000) == timedelta(milliseconds=300)


def many_accounts(exchange: Exchange, strategy: Any, count: int, *, age: timedelta) -> None:
    """Accounts that hang, each with 1,000 that was read so long ago."""
    now = timezone.now()
    accounts = Account.objects.bulk_create(
        Account(
            owner=strategy.owner,
            name=f"Many {number}",
            venue="bybit",
            currency="USDT",
            api_key=f"CANARY-key-{strategy.key}-{number}",
            api_secret="CANARY-secret",
            wallet_mode="unified",
            max_jump_percent=None,
        )
        for number in range(count)
    )
    StrategyAccount.objects.bulk_create(
        StrategyAccount(account=account, strategy=strategy) for account in accounts
    )
    DailyAccountSummary.objects.bulk_create(
        DailyAccountSummary(
            account=account,
            date=business_date(now),
            ending_balance=Decimal(1000),
            ending_observed_at=now - age,
        )
        for account in accounts
    )
    for account in accounts:
        exchange.state.add(
            SimulatedAccount(
                venue="bybit",
                api_key=account.api_key,
                api_secret="CANARY-secret",
                currency="USDT",
                wallets={"unified": {"USDT": "1000"}},
            )
        )
        exchange.state.set_fault(account.api_key, "timeout")


@pytest.mark.waits
def test_thousand_accounts_on_a_hanging_exchange_are_answered_in_time(exchange: Exchange) -> None:
    strategy = make_strategy(key="grid")
    make_market(venue="bybit", symbol="BTC/USDT")
    many_accounts(exchange, strategy, 1000, age=timedelta(minutes=2))
    secret = secret_of(strategy)

    began = time.monotonic()
    answer = receive_signal(secret, delivery())
    took = time.monotonic() - began

    # 2.2 s on a machine that does nothing else. By rounds of fifty it took half a minute.
    assert took < 15
    assert {code["code"] for code in answer["warnings"]} == {"balance_not_live"}
    assert len(answer["warnings"]) == 1000
    assert {size["capital"] for size in answer["sizes"]} == {"1000"}
    # Nobody is asked one after the other: what has a turn in time, and no more.
    assert len(exchange.asked) <= 100


@pytest.mark.waits
def test_thousand_hanging_accounts_are_answered_with_what_is_there_once_the_time_is_over(
    exchange: Exchange,
) -> None:
    strategy = make_strategy(key="grid")
    make_market(venue="bybit", symbol="BTC/USDT")
    many_accounts(exchange, strategy, 1000, age=timedelta(minutes=2))

    # The monotonic clock says that the request waited for all the time that exchanges have.
    answer = receive_signal(secret_of(strategy), delivery(), began=Moment.now() - BALANCE_PATIENCE)

    assert exchange.asked == []
    assert [warning["code"] for warning in answer["warnings"]] == ["balance_not_live"] * 1000
    assert [size["capital"] for size in answer["sizes"]] == ["1000"] * 1000


def test_many_healthy_accounts_are_answered_from_readings_of_this_minute(
    exchange: Exchange,
) -> None:
    strategy = make_strategy(key="grid")
    many_accounts(exchange, strategy, 30, age=timedelta(seconds=20))
    secret = secret_of(strategy)
    before = list(DailyAccountSummary.objects.order_by("pk").values())

    answer = receive_signal(secret, delivery())

    assert exchange.asked == []
    assert answer["warnings"] == []
    assert {each["outcome"] for each in answer["allocations"]} == {"applied"}
    (balance,) = answer["allocations"][0]["balances"]
    assert balance["source"] == "live"
    assert balance["observed_at"] == timezone.localtime(before[0]["ending_observed_at"]).isoformat()
    # Nothing new was learned of them.
    assert list(DailyAccountSummary.objects.order_by("pk").values()) == before


def test_accounts_of_a_signal_are_read_at_once_whatever_the_size_of_batches(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.services.allocation.allocate.BATCH_SIZE", 5)
    strategy = make_strategy(key="grid")
    many_accounts(exchange, strategy, 12, age=timedelta(seconds=20))

    answer = receive_signal(secret_of(strategy), delivery())

    # Fewer than that would be asked, whatever is known of them.
    assert exchange.asked == []
    assert [each["outcome"] for each in answer["allocations"]] == ["applied"] * 12


def test_number_of_queries_does_not_depend_on_the_number_of_accounts(exchange: Exchange) -> None:
    made = []
    for count in (11, 40):
        strategy = make_strategy(key=f"grid-{count}")
        many_accounts(exchange, strategy, count, age=timedelta(seconds=20))
        secret = secret_of(strategy)
        with CaptureQueriesContext(connections["default"]) as captured:
            receive_signal(secret, delivery(delivery_id="a"))
        made.append(len(captured))

    assert made[0] == made[1]


def test_same_body_within_a_minute_is_the_same_delivery() -> None:
    secret = secret_of(make_strategy())
    first = receive_signal(secret, delivery(), clock=lambda: NOW)

    again = receive_signal(secret, delivery(), clock=lambda: NOW + timedelta(seconds=59))
    later = receive_signal(secret, delivery(), clock=lambda: NOW + timedelta(seconds=60))

    assert again == first
    assert later["delivery"] != first["delivery"]


def test_same_id_is_the_same_delivery_for_ever_and_refuses_another_body() -> None:
    secret = secret_of(make_strategy())
    first = receive_signal(secret, delivery(delivery_id="a"), clock=lambda: NOW)

    later = receive_signal(secret, delivery(delivery_id="a"), clock=lambda: NOW + timedelta(days=9))

    assert later == first
    with pytest.raises(DeliveryConflict):
        receive_signal(
            secret, delivery(delivery_id="a", body={**BUY, "qty_per": "51"}), clock=lambda: NOW
        )


def test_same_body_with_another_id_is_another_delivery() -> None:
    secret = secret_of(make_strategy())

    first = receive_signal(secret, delivery(delivery_id="a"), clock=lambda: NOW)
    second = receive_signal(secret, delivery(delivery_id="b"), clock=lambda: NOW)

    assert first["delivery"] != second["delivery"]


def test_work_that_was_given_up_is_done_by_the_next_delivery() -> None:
    secret = secret_of(make_strategy())
    WebhookDelivery.objects.create(
        strategy=secret.strategy,
        delivery_id="a",
        fingerprint=delivery().fingerprint,
        body=BUY,
        received_at=NOW - timedelta(seconds=31),
    )

    answer = receive_signal(secret, delivery(delivery_id="a"), clock=lambda: NOW)

    assert answer["delivery"] == WebhookDelivery.objects.get().pk


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_thousand_duplicates_at_once_are_one_delivery() -> None:
    secret = secret_of(make_strategy())
    answers: list[Any] = []

    def deliver(times: int) -> None:
        close_old_connections()
        try:
            for _ in range(times):
                answers.append(receive_signal(secret, delivery(delivery_id="once"))["delivery"])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=deliver, args=(50,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 1000
    assert set(answers) == {WebhookDelivery.objects.get().pk}


def test_stored_signal_has_the_words_and_sizes_that_were_sent() -> None:
    body = {"symbol": "btcusdt", "timenow": "x", "stake": "300", "stake_of": "notional"}
    orders = [{"position": "Short"}, {"action": "close 33%", "reserve": True}]

    sent = stored_delivery(WebhookDelivery(body={**body, "orders": orders}))

    short, part = sent.orders
    assert isinstance(short, TargetRequest)
    assert (short.target, short.order.side, short.order.stake) == ("short", "sell", 300)
    assert isinstance(part, TargetRequest)
    assert (part.target, part.order.qty_per, part.unused) == (None, -33, "stake")
    assert list(sent.holds) == [1]


def test_a_signal_reserves_and_a_repeated_one_tells_what_became_of_it() -> None:
    make_market("BTC/USDT", fetched_at=NOW)
    strategy = make_strategy()
    secret = secret_of(strategy)
    link = make_link(strategy=strategy, account=make_account(owner=strategy.owner), capital="1000")
    DailyAccountSummary.objects.create(
        account=link.account, date=business_date(NOW), spot_balance=Decimal(1000)
    )
    shared = {"symbol": "BTC/USDT", "reserve": True, "expires_in": 600}
    orders = [
        {"side": "buy", "qty_per": "60", "price": "50000", "client_order_id": "mine"},
        {"side": "buy", "qty_per": "60", "price": "50000", "reserve": False},
    ]
    sent = stored_delivery(
        WebhookDelivery(body={**shared, "orders": orders}, delivery_id="tv-1", strategy=strategy)
    )

    first = receive_signal(secret, sent, clock=lambda: NOW)
    reserved = Reservation.objects.get()
    release_reservation(reserved.pk, actor=None, clock=lambda: NOW)
    again = receive_signal(secret, sent, clock=lambda: NOW)

    held, sized = first["sizes"]
    assert (held["reservation"]["id"], held["reservation"]["state"]) == (reserved.pk, "open")
    assert (reserved.client_order_id, reserved.amount) == ("mine", 600)
    assert (reserved.expires_at - reserved.created_at).total_seconds() == 600
    assert (sized["available"], sized["reservation"]) == ("400", None)
    assert [size["reservation"] for size in again["sizes"]] == [
        {**held["reservation"], "state": "released", "amount": "0"},
        None,
    ]

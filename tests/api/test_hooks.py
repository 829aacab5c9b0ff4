"""The webhook over HTTP: what TradingView sends, what a signed call sends, and what is refused."""

import gzip
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from capital.domain.errors import DeliveryInProgress
from capital.models import (
    ArchivedDelivery,
    Reservation,
    StrategyAccount,
    StrategyCapital,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.happened import SignalRefused, happened
from capital.services.limits import Scope, lift_stops, place_stop
from capital.services.sizing import OrderRequest
from capital.services.webhooks import receive
from capital.services.webhooks.deliveries import stored_delivery
from capital.services.webhooks.secrets import rotate_secret, sign, signing_key_of, webhook_name
from tests.api.client import permit
from tests.factories import (
    forge,
    make_account,
    make_link,
    make_market,
    make_position,
    make_strategy,
    make_user,
)
from tests.hooks import hook_path

pytestmark = pytest.mark.django_db

ORDER = {"symbol": "BTC/USDT", "side": "buy", "qty_per": 50, "price": "50000"}


@pytest.fixture(autouse=True)
def _cached_balances(settings: Any) -> None:
    settings.CAPITAL_LIVE_BALANCES = False


@pytest.fixture
def link() -> StrategyAccount:
    make_market(venue="binance", symbol="BTC/USDT")
    owner = permit(make_user(), "capital.allocate_capital")
    return make_link(strategy=make_strategy(key="grid", owner=owner), capital="1000")


@pytest.fixture
def secret(link: StrategyAccount) -> str:
    return rotate_secret(link.strategy)


def post(body: Any, key: str = "grid", path: str = "", **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    # As TradingView names it.
    return Client().generic(
        "POST", path or hook_path(key), raw, content_type="text/plain", headers=headers
    )


def post_signed(secret: str, body: Any, *, nonce: str = "n0nce-01", **changes: str) -> Any:
    raw = json.dumps(body).encode()
    timestamp = str(int(time.time()))
    headers = {
        "X-Capital-Timestamp": timestamp,
        "X-Capital-Nonce": nonce,
        "X-Capital-Signature": sign(
            signing_key_of(secret), timestamp=timestamp, nonce=nonce, body=raw
        ),
    }
    return post(raw, **{**headers, **changes})


def test_alert_with_the_secret_in_its_body_gets_a_size(secret: str) -> None:
    response = post({**ORDER, "token": secret})

    assert response.status_code == 200
    [size] = response.json()["sizes"]
    assert size["quantity"] == "0.01000"
    assert size["capital"] == "1000"


@pytest.mark.parametrize("accepted", ["text/plain", "text/html;q=0.9", "image/*", "", "a/b/c"])
def test_a_signal_is_read_whatever_its_sender_accepts(secret: str, accepted: str) -> None:
    """Bodies of any media type are: a signal that is refused for its answer's is lost."""
    answer = post({"token": secret, **ORDER}, Accept=accepted)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert WebhookDelivery.objects.count() == 1


def test_signed_call_needs_no_secret_in_its_body(secret: str) -> None:
    response = post_signed(secret, ORDER)

    assert response.status_code == 200
    assert WebhookDelivery.objects.get().is_signed


def test_nonce_is_used_once(secret: str) -> None:
    assert post_signed(secret, ORDER).status_code == 200
    assert post_signed(secret, {**ORDER, "qty_per": 10}).status_code == 401


def test_signature_of_another_body_is_refused(secret: str) -> None:
    raw = json.dumps(ORDER).encode()
    timestamp = str(int(time.time()))
    other = sign(signing_key_of(secret), timestamp=timestamp, nonce="n0nce-01", body=raw + b" ")

    response = post_signed(secret, ORDER, **{"X-Capital-Signature": other})

    assert response.status_code == 401


def test_several_orders_share_a_symbol(secret: str) -> None:
    orders = [{"side": "buy", "qty_per": percent, "price": "50000"} for percent in (10, 20)]

    response = post({"symbol": "BTC/USDT", "token": secret, "orders": orders})

    assert [size["quantity"] for size in response.json()["sizes"]] == ["0.00200", "0.00400"]


def test_stopped_entry_says_so_and_the_other_account_and_the_exit_are_sized(
    secret: str, link: StrategyAccount
) -> None:
    owner = link.account.owner
    other = make_link(
        strategy=link.strategy, account=make_account(owner=owner, name="Z"), capital="1000"
    )
    place_stop(Scope(account_id=link.account_id), reason="An outage", actor=None)
    make_position(link, "0.01", "BTC/USDT")

    answer = post({**ORDER, "token": secret, "reserve": True})

    assert answer.status_code == 200
    sizes = {size["account"]: size for size in answer.json()["sizes"]}
    stopped, sized = sizes[link.account.name], sizes["Z"]
    assert (stopped["code"], stopped["quantity"], stopped["reservation"]) == ("stopped", "0", None)
    assert "An outage" in stopped["warnings"][0]["reason"]
    assert (sized["code"], sized["quantity"]) == ("sized", "0.01000")
    assert [row.strategy_account for row in Reservation.objects.all()] == [other]
    leave = {"symbol": "BTC/USDT", "side": "sell", "qty_per": -100, "token": secret}
    exits = {size["account"]: size for size in post(leave).json()["sizes"]}
    assert exits[link.account.name]["quantity"] == "0.01000"

    # The next signal after it is lifted, and not the same one again.
    lift_stops(Scope(account_id=link.account_id), reason="Over", actor=None)
    again = post({**ORDER, "token": secret, "reserve": True}).json()["sizes"]
    later = post({**ORDER, "token": secret, "qty_per": 20}).json()["sizes"]
    assert {size["code"] for size in again} == {"stopped", "sized"}
    assert {size["code"] for size in later} == {"sized"}


def test_signal_of_a_strategy_that_is_stopped_everywhere_is_no_error(
    secret: str, link: StrategyAccount
) -> None:
    place_stop(Scope(everybody=True), reason="Quiet", actor=None)

    answer = post({**ORDER, "token": secret})

    assert answer.status_code == 200
    assert [size["code"] for size in answer.json()["sizes"]] == ["stopped"]


FLAT_TO_LONG = {
    "symbol": "{{ticker}}", "action": "{{strategy.order.action}}", "qty_per": "50",
    "price": "{{close}}",
    "position": "{{strategy.market_position}}", "position_size": "{{strategy.position_size}}",
    "prev_position": "{{strategy.prev_market_position}}", "comment": "{{strategy.order.comment}}",
    "order_id": "{{strategy.order.id}}", "timenow": "{{timenow}}", "exchange": "{{exchange}}",
    "interval": "{{interval}}", "close": "{{close}}", "volume": "{{volume}}",
}  # fmt: skip


def filled(**placeholders: str) -> dict[str, str]:
    """The alert of a strategy, as TradingView sends it."""
    values = {
        "ticker": "BTCUSDT", "strategy.order.action": "buy", "strategy.market_position": "long",
        "strategy.position_size": "0.3", "strategy.prev_market_position": "flat",
        "strategy.order.comment": "Long", "strategy.order.id": "Long", "exchange": "BINANCE",
        "timenow": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        "interval": "15", "close": "50000", "volume": "12.5",
        **placeholders,
    }  # fmt: skip
    return {name: values.get(text.strip("{}"), text) for name, text in FLAT_TO_LONG.items()}


def test_alert_of_a_tradingview_strategy_leads_to_its_position(
    secret: str, link: StrategyAccount
) -> None:
    make_position(link, "0", "BTC/USDT")

    entered = post({**filled(), "token": secret}).json()["sizes"]
    link.positions.update(quantity=Decimal("0.3"))
    again = post({**filled(close="50001"), "token": secret}).json()["sizes"]
    flat = filled(**{"strategy.market_position": "flat", "strategy.position_size": "0",
                     "strategy.order.action": "sell"})  # fmt: skip
    left = post({**flat, "token": secret}).json()["sizes"]

    told = [
        (size["symbol"], size["code"], size["side"], size["quantity"], size["reduce_only"])
        for size in (*entered, *again, *left)
    ]
    assert [each[:3] for each in told] == [
        ("BTC/USDT", "sized", "buy"), ("BTC/USDT", "already_there", "buy"),
        ("BTC/USDT", "sized", "sell"),
    ]  # fmt: skip
    assert told[2][3:] == ("0.30000", True)
    kept = WebhookDelivery.objects.earliest("pk").body
    assert (kept["comment"], kept["close"]) == ("Long", "50000")


def test_same_position_again_under_its_id_gets_the_first_orders(
    secret: str, link: StrategyAccount
) -> None:
    make_position(link, "0", "BTC/USDT")
    body = {"symbol": "btcusdt", "position": "Long", "stake": "300", "id": "7", "token": secret}

    first = post({**body, "price": "50000"})
    link.positions.update(quantity=Decimal("0.006"))

    assert post({**body, "price": "50000"}).json() == first.json()
    (size,) = first.json()["sizes"]
    assert (size["quantity"], size["bound_by"]) == ("0.00600", "stake")


def test_position_of_an_account_that_nobody_reports_is_an_error_and_is_told(
    secret: str, link: StrategyAccount, heard: list[Any]
) -> None:
    answer = post({"symbol": "BTC/USDT", "position": "flat", "token": secret})

    (size,) = answer.json()["sizes"]
    assert (size["code"], size["quantity"]) == ("position_unknown", "0")
    assert link.account.name in size["warnings"][0]["reason"]
    assert [(event.delivery.pk, event.cause) for event in heard] == [
        (answer.json()["delivery"], "position_unknown")
    ]
    make_position(link, "0", "BTC/USDT")
    post({"symbol": "BTC/USDT", "position": "flat", "token": secret, "id": "2"})
    assert len(heard) == 1


def test_orders_of_one_signal_have_words_and_fields_that_inform(
    secret: str, link: StrategyAccount
) -> None:
    make_position(link, "0.01", "BTC/USDT")
    orders = [{"action": "Close 50%", "comment": "half"}, {"side": "BUY", "qty_per": "10%"}]

    answer = post(
        {"symbol": "BTCUSDT", "token": secret, "orders": orders, "timenow": "x", "price": None}
    )
    refused = answer.json()["errors"][0]
    answer = post({"symbol": "BTCUSDT", "token": secret, "orders": orders, "timenow": "x"})

    assert (refused["field"], refused["code"]) == ("price", "unknown_field")
    assert [(size["side"], size["reduce_only"]) for size in answer.json()["sizes"]] == [
        ("sell", True), ("buy", False),
    ]  # fmt: skip
    assert post({**ORDER, "token": secret, "orders": [{"side": "close 0"}]}).status_code == 400


@pytest.mark.parametrize(("name", "near"), [("syde", "side"), ("qty_pre", "qty_per")])
def test_slip_in_a_field_is_refused_with_the_nearest_name(
    secret: str, name: str, near: str
) -> None:
    answer = post({"symbol": "BTC/USDT", "qty": "1", "action": "buy", name: "1", "token": secret})

    error = answer.json()["errors"][0]
    assert (answer.status_code, error["field"], error["code"]) == (400, name, "unknown_field")
    assert f"The nearest one is {near}." in error["detail"]


def test_signal_that_comes_late_enlarges_nothing_and_still_closes(
    secret: str, link: StrategyAccount, heard: list[Any]
) -> None:
    make_position(link, "0.01", "BTC/USDT")
    orders = [{"action": "close 50%"}, {"side": "buy", "qty_per": "10", "price": "50000"}]
    body = {"symbol": "BTC/USDT", "orders": orders, "token": secret}
    WebhookSecret.objects.update(max_lag_seconds=60)
    moment = timezone.now().replace(microsecond=0)

    def sizes(seconds: int, **fields: Any) -> tuple[list[str], list[str]]:
        sent = f"{moment - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
        answer = post({**body, "timenow": sent, **fields}).json()
        codes = [size["code"] for size in answer["sizes"]]
        return codes, [each["code"] for each in answer["warnings"]]

    assert sizes(30) == (["sized", "sized"], [])
    assert sizes(-60) == (["sized", "sized"], [])
    assert sizes(-900) == (["sized", "sized"], ["timenow_ahead"])
    assert heard == []
    assert sizes(90) == (["sized", "signal_late"], ["signal_late"])
    assert sizes(95, orders=[{**order, "reserve": True} for order in orders]) == (
        ["sized", "signal_late"], ["signal_late"],
    )  # fmt: skip
    assert [event.cause for event in heard] == ["signal_late"] * 2
    assert not Reservation.objects.exists()
    unix = str(int(time.time()) - 500)
    assert sizes(0, timenow=unix) == sizes(0, timenow=f"{unix}123") == sizes(90)
    for odd in ("x", "2026-11-24T03:00:00", "99999999999999"):
        assert sizes(0, timenow=odd) == (["sized", "sized"], ["timenow_unreadable"])


def test_call_from_another_network_is_refused_and_recorded(secret: str) -> None:
    body = {**ORDER, "token": secret}
    WebhookSecret.objects.update(networks=["52.32.178.7/32", "10.0.0.0/8"])

    refused = post(body)
    assert (refused.status_code, refused.json()["code"]) == (403, "address_not_allowed")
    assert "127.0.0.1" in refused.json()["detail"]
    assert WebhookDelivery.objects.get().refusal["code"] == "address_not_allowed"
    assert post({**body, "token": "whs_wrong"}).status_code == 401

    WebhookSecret.objects.update(networks=["127.0.0.0/8"])
    assert post(body).status_code == 200


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ('{"symbol": "BTC/USDT",\n "side": "buy",}', 2, 14, "Remove the comma"),
        ('{"orders": [1,\n]}', 2, 1, "Remove the comma"),
        ('{"symbol": BTCUSDT}', 1, 12, "Put the value in quotation marks."),
        ('{"price": {{close}}}', 1, 12, "nobody filled in"),
        ('{"price": , "side": "buy"}', 1, 11, "A value is missing there."),
        ('{"price": "1", side: "buy"}', 1, 16, "Put each name and each text in double"),
        ('{"price": "1"}.', 1, 15, "nothing around them"),
        ("{'price': '1'}", 1, 2, "in double quotation marks"),
        ('{"side": "buy', 1, 10, "at the end of this text is missing"),
        ('{"side": "buy"', 1, 15, "is not complete"),
        ('{"comment": "a "b" c"}', 1, 17, "needs a backslash"),
    ],
)
def test_what_is_no_json_is_told_by_its_place(
    secret: str, text: str, line: int, column: int, hint: str
) -> None:
    raw = text.replace("{", f'{{"token": "{secret}",\n', 1).encode()

    answer = post(raw)

    assert answer.status_code == 400
    assert f"line {line + 1}, column " in answer.json()["detail"]
    assert hint in answer.json()["detail"]
    assert "BTCUSDT" not in answer.json()["detail"]
    assert WebhookDelivery.objects.get().refusal["detail"] == answer.json()["detail"]


@pytest.mark.parametrize(
    ("raw", "hint"),
    [(b" \n", "It is empty."), (b"BTC long", "Send fields and values in braces")],
)
def test_what_has_no_braces_is_told_so(secret: str, raw: bytes, hint: str) -> None:
    assert hint in post(raw).json()["detail"]


def test_body_as_editors_and_templates_leave_it_is_read(secret: str) -> None:
    text = json.dumps({**ORDER, "token": secret, "comment": "one@two"})
    raw = b"\xef\xbb\xbf" + text.replace("@", "\r\n\t").replace("{", "{\r\n", 1).encode()

    answer = post(raw)

    assert answer.status_code == 200
    assert WebhookDelivery.objects.get().body["comment"] == "one\r\n\ttwo"
    for odd, said in (("\0", "line 1, column"), ("\\u0000", "cannot be stored")):
        refused = post(text.replace("@", odd).encode())
        assert refused.status_code == 400
        assert said in refused.json()["detail"]


def test_signal_is_tried_without_a_trace(secret: str, link: StrategyAccount) -> None:
    path = hook_path("grid") + "?dry_run=true"
    body = {**ORDER, "id": "7", "reserve": True, "token": secret, "symbol": "BTCUSDT"}

    tried = post(body, path=path)
    refused = post({**body, "side": "hold"}, path=path)
    unknown = post({**body, "token": "whs_wrong"}, path=path)

    assert (tried.status_code, refused.status_code, unknown.status_code) == (200, 400, 401)
    answer = tried.json()
    assert (answer["delivery"], answer["allocations"], answer["warnings"]) == (None, [], [])
    (size,) = answer["sizes"]
    assert (size["account"], size["symbol"], size["quantity"]) == (
        link.account.name, "BTC/USDT", "0.01000",
    )  # fmt: skip
    assert not WebhookDelivery.objects.exists()
    assert not Reservation.objects.exists()
    assert post(body).json()["delivery"] is not None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("dry_run=True", "dry_run"),
        ("dry_run=1", "dry_run"),
        ("dry_run=true&dry_run=false", "dry_run"),
        ("dryrun=true", "dryrun"),
        ("fields=sizes.amount&dry_run=yes", "dry_run"),
    ],
)
def test_a_slip_in_the_query_makes_no_order_of_a_trial(
    secret: str, link: StrategyAccount, query: str, field: str
) -> None:
    refused = post({**ORDER, "reserve": True, "token": secret}, path=f"{hook_path('grid')}?{query}")

    assert refused.status_code == 400
    assert [each["field"] for each in refused.json()["errors"]] == [field]
    assert not WebhookDelivery.objects.filter(refusal__isnull=True).exists()
    assert not Reservation.objects.exists()


def test_a_trial_is_answered_in_part(secret: str, link: StrategyAccount) -> None:
    path = hook_path("grid") + "?dry_run=true&fields=sizes.amount"

    assert post({**ORDER, "token": secret}, path=path).json() == {"sizes": [{"amount": "0.01000"}]}
    assert post({**ORDER, "token": secret}, path=path + ",sizes.nothing").status_code == 400


def test_trying_a_signal_keeps_its_rules(secret: str, link: StrategyAccount) -> None:
    path = hook_path("grid") + "?dry_run=true"
    sent = f"{timezone.now() - timedelta(minutes=9):%Y-%m-%dT%H:%M:%SZ}"

    late = post({**ORDER, "timenow": sent, "token": secret}, path=path).json()

    assert [size["code"] for size in late["sizes"]] == ["signal_late"]
    assert post_signed(secret, ORDER).status_code == 200
    raw = json.dumps(ORDER).encode()
    stamp = str(int(time.time()))
    headers = {
        "X-Capital-Timestamp": stamp,
        "X-Capital-Nonce": "n0nce-77",
        "X-Capital-Signature": sign(
            signing_key_of(secret), timestamp=stamp, nonce="n0nce-77", body=raw
        ),
    }
    assert [post(raw, path=path, **headers).status_code for _ in range(2)] == [200, 401]
    WebhookSecret.objects.update(networks=["10.0.0.0/8"])
    assert post({**ORDER, "token": secret}, path=path).status_code == 403


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """What was said to have happened."""
    events: list[Any] = []

    def hear(event: Any, **_rest: Any) -> None:
        events.append(event)

    happened.connect(hear, sender=SignalRefused, weak=False)
    yield events
    happened.disconnect(hear, sender=SignalRefused)


def test_same_alert_twice_gets_the_first_answer(secret: str) -> None:
    first = post({**ORDER, "token": secret})
    again = post({**ORDER, "token": secret})

    assert again.json() == first.json()
    assert WebhookDelivery.objects.count() == 1


def test_idempotency_key_names_the_delivery(secret: str) -> None:
    first = post({**ORDER, "token": secret}, **{"Idempotency-Key": "alert-1"})
    other = post({**ORDER, "token": secret, "qty_per": 1}, **{"Idempotency-Key": "alert-1"})

    assert first.status_code == 200
    assert other.status_code == 409
    assert WebhookDelivery.objects.get(refusal__isnull=True).delivery_id == "alert-1"


def test_an_id_that_another_signal_has_is_a_refusal_and_recorded(secret: str) -> None:
    assert post_signed(secret, {**ORDER, "id": "one"}).status_code == 200
    other = {**ORDER, "id": "one", "qty_per": 1}

    response = post_signed(secret, other, nonce="n0nce-02")
    repeated = post_signed(secret, other, nonce="n0nce-02")

    assert (response.status_code, repeated.status_code) == (409, 401)
    refused = WebhookDelivery.objects.get(refusal__isnull=False)
    assert (refused.refusal["status"], refused.refusal["code"]) == (409, response.json()["code"])
    assert (refused.delivery_id, refused.body["qty_per"], refused.is_signed) == ("", 1, True)


def test_an_id_whose_answer_is_in_a_file_is_a_refusal_and_recorded(
    link: StrategyAccount, secret: str
) -> None:
    body = {**ORDER, "id": "old", "token": secret}
    assert post(body).status_code == 200
    first = WebhookDelivery.objects.get()
    ArchivedDelivery.objects.create(
        strategy=link.strategy,
        delivery_id="older",
        fingerprint=first.fingerprint,
        delivery=7,
        received_at=first.received_at,
    )

    response = post({**body, "id": "older"})

    assert response.status_code == 409
    refused = WebhookDelivery.objects.get(refusal__isnull=False)
    assert refused.refusal["code"] == response.json()["code"] == "delivery_archived"


def test_a_signal_that_is_being_worked_on_is_no_refusal(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(*_args: Any, **_fields: Any) -> Any:
        raise DeliveryInProgress

    monkeypatch.setattr(receive, "await_answer", waits)
    body = {**ORDER, "id": "one", "token": secret}
    assert post(body).status_code == 200

    assert post(body).status_code == 409

    assert WebhookDelivery.objects.get().refusal is None


def test_record_has_everything_but_the_secret(secret: str) -> None:
    response = post({**ORDER, "token": secret, "id": "a-1"})

    delivery = WebhookDelivery.objects.get()
    assert delivery.body == ORDER
    assert delivery.answer.body == response.json()
    assert secret not in str(list(WebhookDelivery.objects.values()))
    assert secret not in str(list(WebhookAnswer.objects.values()))


def test_answer_is_sent_in_part_where_that_is_asked_and_recorded_whole(secret: str) -> None:
    path = hook_path("grid")

    response = post(
        {**ORDER, "token": secret}, path=f"{path}?fields=sizes.amount,sizes.code,delivery"
    )

    whole = WebhookAnswer.objects.get().body
    assert response.json() == {
        "delivery": whole["delivery"],
        "sizes": [{"amount": whole["sizes"][0]["amount"], "code": "sized"}],
    }
    assert set(whole) == {
        "delivery", "strategy", "received_at", "allocations", "sizes", "warnings",
    }  # fmt: skip
    # The same signal again, with other wishes.
    again = post({**ORDER, "token": secret}, path=f"{path}?fields=sizes,sizes.code")
    assert again.json() == {"sizes": whole["sizes"]}
    assert post({**ORDER, "token": secret}, path=f"{path}?fields=").json() == {}
    assert post({**ORDER, "token": secret}, path=path).json() == whole


def test_unknown_part_of_an_answer_is_refused_before_anything_is_done(secret: str) -> None:
    response = post({**ORDER, "token": secret}, path=hook_path("grid") + "?fields=sizes.amout")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "fields"
    assert "sizes.amout" in response.json()["detail"]
    assert WebhookDelivery.objects.get().refusal["status"] == 400
    assert not WebhookAnswer.objects.exists()


def test_answer_is_compressed_for_whoever_takes_it(secret: str) -> None:
    response = post({**ORDER, "token": secret}, **{"Accept-Encoding": "gzip"})

    assert response["Content-Encoding"] == "gzip"
    whole = WebhookAnswer.objects.get().body
    assert json.loads(gzip.decompress(response.content)) == whole


def told(answer: Any) -> str:
    """What an answer says, but for the id of the request, which is another one each time."""
    body = answer.json()
    body.pop("request_id")
    return json.dumps(body)


def test_whether_the_strategy_exists_cannot_be_told(secret: str) -> None:
    make_strategy(key="closed")

    answers = [post({**ORDER, "token": "whs_wrong"}, key) for key in ("grid", "closed", "nobody")]

    assert {answer.status_code for answer in answers} == {401}
    assert len(set(map(told, answers))) == 1
    for answer in answers:
        del answer.headers["X-Request-ID"]
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"token": "\\u0000"}',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"symbol": "BTC/USDT"}',
    ],
)
def test_what_cannot_be_read_is_refused_and_not_recorded(secret: str, body: bytes) -> None:
    assert post(body).status_code in (400, 401)
    assert not WebhookDelivery.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"qty_per": "1_000"}, "qty_per"),
        ({"qty_per": None}, "qty_per"),
        ({"side": "hold"}, "side"),
        ({"surprise": 1}, "surprise"),
        ({"action": "sell"}, "action"),
        ({"position": "up"}, "position"),
        ({"symbol": "{{ticker}}"}, "symbol"),
        ({"stake": "5"}, "stake"),
        ({"target": "long"}, "target"),
        ({"id": "x" * 101}, "id"),
        ({"orders": []}, "orders"),
        ({"orders": [ORDER] * 31}, "orders"),
    ],
)
def test_wrong_field_is_named(secret: str, change: dict[str, Any], field: str) -> None:
    response = post({**ORDER, "token": secret, **change})

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field
    refused = WebhookDelivery.objects.get()
    assert refused.refusal == {
        name: response.json()[name] for name in ("status", "code", "detail", "errors")
    }
    assert (refused.delivery_id, hasattr(refused, "answer")) == ("", False)
    assert secret not in str(list(WebhookDelivery.objects.values()))


@pytest.mark.parametrize(
    "text",
    [
        '{"token": "%s", "id": "Close "¦long"", "symbol": "BTC/USDT"}',
        '{\n "symbol": "BTC/USDT",\n "token": "%s",\n "qty": 1,¦,\n}',
        '{"id": "1"\n ¦"token": "%s"}',
        '{"token": "%s", "side": "buy"¦',
        '{"token": "%s", "side": "¦\x00"}',
    ],
)
def test_what_is_no_json_says_where_and_is_recorded_without_the_secret(
    secret: str, text: str
) -> None:
    before, _, after = (text % secret).partition("¦")
    lines = before.split("\n")
    line, column = len(lines), len(lines[-1]) + 1
    response = post((before + after).encode())

    assert response.status_code == 400
    assert f"line {line}, column {column}." in response.json()["detail"]
    refused = WebhookDelivery.objects.get()
    assert refused.refusal["detail"] == response.json()["detail"]
    assert secret not in json.dumps(refused.body)
    assert "whs_…" in refused.body["text"]
    # Another strategy's signal is not this one's.
    assert refused.strategy.key == "grid"


def test_text_that_is_no_utf_8_says_where(secret: str) -> None:
    response = post(b'{"token": "%s",\n "id": "\xff"}' % secret.encode())

    assert "line 2, column 9." in response.json()["detail"]
    assert WebhookDelivery.objects.get().refusal is not None


@pytest.mark.parametrize(
    "text", ["nothing", '{"token": "whs_wrong", "id": "a"b"}', '{"id": "a"b"}']
)
def test_what_is_no_json_and_knows_no_secret_is_told_and_not_recorded(
    secret: str, text: str
) -> None:
    for key in ("grid", "nobody"):
        response = post(text.encode(), key)
        assert response.status_code == 400
        assert "line 1, column" in response.json()["detail"]
    assert not WebhookDelivery.objects.exists()


def test_a_signed_call_that_is_refused_is_recorded_and_its_nonce_is_used(secret: str) -> None:
    assert post_signed(secret, {**ORDER, "side": "hold"}).status_code == 400
    assert post_signed(secret, {**ORDER, "side": "hold"}).status_code == 401

    refused = WebhookDelivery.objects.get()
    assert refused.is_signed
    assert refused.body["side"] == "hold"


def test_a_corrected_signal_with_the_same_id_is_processed(secret: str) -> None:
    assert post({**ORDER, "token": secret, "id": "one", "side": "hold"}).status_code == 400
    assert post({**ORDER, "token": secret, "id": "one"}).status_code == 200
    # Without an id too: what was refused answers nobody.
    assert post({**ORDER, "token": secret, "surprise": 1}).status_code == 400
    assert post({**ORDER, "token": secret, "surprise": 1}).status_code == 400
    assert WebhookDelivery.objects.filter(refusal__isnull=False).count() == 3


def test_a_secret_in_the_wrong_place_is_not_recorded(secret: str) -> None:
    post({**ORDER, "token": secret, "id": secret * 3, "note": {"a": [secret]}, secret: 1})

    kept = str(list(WebhookDelivery.objects.values()))
    assert "whs_…" in kept
    assert secret not in kept


def test_refusals_count_for_the_strategys_rate(secret: str, settings: Any) -> None:
    settings.CAPITAL_WEBHOOK_RATE = (2, 60)
    statuses = [post({**ORDER, "token": secret, "side": "hold"}).status_code for _ in range(4)]

    assert statuses == [400, 400, 429, 429]
    assert WebhookDelivery.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"side": "hold"}, "side"),
        ({"levrage": "3"}, "levrage"),
        ({"price": "cheap"}, "price"),
        ({"symbol": 7}, "symbol"),
        ({"reserve": "yes"}, "reserve"),
        ({"reserve": True, "expires_in": "60"}, "expires_in"),
        ({"reserve": True, "expires_in": 0}, "expires_in"),
        ({"client_order_id": "mine"}, "client_order_id"),
        ({"stop_price": "0"}, "stop_price"),
    ],
)
def test_field_of_an_order_is_named_with_its_place(
    secret: str, change: dict[str, Any], field: str
) -> None:
    orders = [ORDER, {**ORDER, **change}]

    response = post({"token": secret, "orders": orders})

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == f"orders.1.{field}"


def test_body_is_limited_to_64_kib(secret: str) -> None:
    assert post({**ORDER, "token": secret, "id": "x" * 70_000}).status_code == 413


def test_strategy_is_throttled_by_accepted_calls_only(secret: str, settings: Any) -> None:
    settings.CAPITAL_WEBHOOK_RATE = (2, 60)
    for _ in range(5):
        post({**ORDER, "token": "whs_wrong"})

    statuses = [
        post({**ORDER, "token": secret, "id": str(number)}).status_code for number in range(3)
    ]

    assert statuses == [200, 200, 429]


def test_address_is_throttled_before_anything_is_looked_up(settings: Any) -> None:
    settings.CAPITAL_API_ADDRESS_RATE = (2, 60)

    responses = [post({"token": "whs_wrong"}) for _ in range(3)]

    assert [response.status_code for response in responses] == [401, 401, 429]
    assert int(responses[-1].headers["Retry-After"]) >= 1


def test_paused_strategy_may_only_close(link: StrategyAccount, secret: str) -> None:
    link.strategy.status = "PAUSED"
    link.strategy.save()

    [size] = post({**ORDER, "token": secret}).json()["sizes"]

    assert Decimal(size["quantity"]) == 0
    assert size["code"] == "closing_only"


# The address


def test_the_address_of_a_new_webhook_ends_in_a_random_name_and_stays(
    link: StrategyAccount, secret: str
) -> None:
    name = webhook_name(link.strategy)
    other = make_strategy(key="other")
    rotate_secret(other)
    assert len(name) == 16
    assert name != webhook_name(other)
    again = rotate_secret(link.strategy)

    assert webhook_name(link.strategy) == name
    root, body = "/api/v1/hooks/", {**ORDER, "token": again}
    assert post(body, path=f"{root}grid/{name}/").status_code == 200
    for wrong in (webhook_name(other), name[:-1], name.swapcase(), "x" * 16):
        assert post(body, path=f"{root}grid/{wrong}/").status_code == 401
    assert post(body, path=f"{root}other/{name}/").status_code == 401


def test_the_strategys_key_alone_does_not_reach_a_webhook_with_a_name(secret: str) -> None:
    """Nor does it tell that there is one: whoever knows its secret too hears the same."""
    make_strategy(key="closed")
    good = {**ORDER, "token": secret}
    answers = [post(good, path=f"/api/v1/hooks/{key}/") for key in ("grid", "closed", "nobody")]
    broken = json.dumps({"token": secret}).encode()[:-1]
    unread = [post(broken, path=f"/api/v1/hooks/{key}/") for key in ("grid", "closed", "nobody")]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert len(set(map(told, answers))) == 1
    assert [answer.status_code for answer in unread] == [400] * 3
    assert len(set(map(told, unread))) == 1
    # Not even a refusal is recorded.
    assert not WebhookDelivery.objects.exists()
    assert post(good).status_code == 200


def test_an_address_of_before_there_were_names_keeps_working(
    link: StrategyAccount, secret: str
) -> None:
    WebhookSecret.objects.update(name="")
    secret = rotate_secret(link.strategy)

    assert webhook_name(link.strategy) == ""
    assert post({**ORDER, "token": secret}, path="/api/v1/hooks/grid/").status_code == 200
    assert post({**ORDER, "token": secret}, path="/api/v1/hooks/grid/x/").status_code == 401


@pytest.mark.parametrize("left", ["{{strategy.order.id}}", "BTCUSDT {{strategy.order.id}}"])
def test_an_id_in_which_a_placeholder_is_left_makes_no_signal_the_repetition_of_another(
    secret: str, left: str
) -> None:
    signal = {**ORDER, "token": secret, "id": left}

    first = post(signal).json()
    again = post(signal).json()
    StrategyCapital.objects.update(allocated_capital=Decimal(500))
    forge(WebhookDelivery.objects.get(), received_at=timezone.now() - timedelta(minutes=2))
    later = post(signal).json()
    other = post({**signal, "qty_per": 10})
    elsewhere = post({**signal, "id": f"{left} 2026-11-24T03:00:00Z"}).json()

    assert [each["code"] for each in first["warnings"]][-1:] == ["id_not_filled"]
    assert left[-21:] in first["warnings"][-1]["reason"]
    assert (again["delivery"], later["delivery"] > first["delivery"]) == (first["delivery"], True)
    sizes = [size["quantity"] for size in (*first["sizes"], *later["sizes"])]
    assert sizes == ["0.01000", "0.00500"]
    assert other.status_code == 200, other.content
    assert elsewhere["delivery"] > later["delivery"]
    assert not WebhookDelivery.objects.exclude(delivery_id="").exists()


def test_a_delivery_with_such_an_id_can_be_answered_later(secret: str) -> None:
    post({**ORDER, "token": secret, "id": "{{strategy.order.id}}"})

    (order,) = stored_delivery(WebhookDelivery.objects.get()).orders

    assert isinstance(order, OrderRequest)
    assert (order.symbol, order.side, order.qty_per) == ("BTC/USDT", "buy", 50)


def test_numbers_may_have_blanks_around_them(secret: str) -> None:
    plain = {"symbol": "BTC/USDT", "side": "buy", "price": "50000", "leverage": "1"}
    how: list[dict[str, Any]] = [
        {"risk_per": "1", "stop_price": "49000"},
        {"qty_per": "50"},
        {"qty": "0.01"},
        {"stake": "300"},
    ]
    for number in how:
        given = {**plain, **number}
        spaced = {k: f" {v}\t" if k not in ("symbol", "side") else v for k, v in given.items()}

        answers = [post({**each, "token": secret}).json()["sizes"] for each in (given, spaced)]

        assert answers[0] == answers[1]
        assert answers[0][0]["code"] == "sized"
    told = post({"symbol": "BTC/USDT", "position_size": " -0 ", "token": secret})
    assert told.status_code == 200, told.content


def test_a_reservation_is_not_named_by_a_placeholder(secret: str) -> None:
    named = {"reserve": True, "client_order_id": "{{strategy.order.id}}"}
    order = {k: value for k, value in ORDER.items() if k != "symbol"}

    alone = post({**ORDER, **named, "token": secret})
    among = post({"symbol": "BTC/USDT", "orders": [order, {**order, **named}], "token": secret})

    assert (alone.status_code, alone.json()["code"]) == (400, "placeholder_left")
    assert among.json()["errors"][0]["field"] == "orders.1.client_order_id"
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("levels", [99, 100, *range(850, 890, 5), 20_000])
def test_a_body_however_deep_is_refused_and_recorded(secret: str, levels: int) -> None:
    """What can be read could not always be written into the record of what was refused."""
    text = json.dumps({"token": secret, "symbol": "BTC/USDT", "side": "buy", "qty": "1"})

    answer = post(f'{text[:-1]}, "note": {"[" * levels}{"]" * levels}}}'.encode())

    is_deep = "Lists and objects are nested too deeply." in answer.json()["detail"]
    assert (answer.status_code, is_deep) == (400, levels > 99)
    assert WebhookDelivery.objects.get().refusal["status"] == 400

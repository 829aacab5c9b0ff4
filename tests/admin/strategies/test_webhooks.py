"""Webhooks: secrets made and shown once, deliveries readable, other people's accounts left out."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.admin.strategies.deliveries import answer_badge, signal_text
from capital.domain.errors import WebhookRefused
from capital.models import WebhookAnswer, WebhookDelivery, WebhookSecret
from capital.services.trading import report_positions
from capital.services.webhooks.refusals import record_refusal
from capital.services.webhooks.secrets import Proof, change_webhook, rotate_secret
from strategies.models import Strategy
from tests.admin.tenants import Tenant, allow, join, make_delivery, make_tenant
from tests.factories import make_account, make_link, make_market, make_strategy, make_user
from tests.hooks import check_at_its_address, hook_path
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

EDITOR = ("strategies.view_strategy", "strategies.change_strategy")
LOOKER = ("capital.view_webhookdelivery", "strategies.view_strategy")


@pytest.fixture
def tenant() -> Tenant:
    tenant = make_tenant("mine")
    tenant.user = allow(tenant.user, *EDITOR, *LOOKER)
    return tenant


def webhook_page(strategy: Strategy) -> str:
    """Where unfold's action of this name has its page."""
    return f"/admin/strategies/strategy/{strategy.pk}/webhook/"


def text_of(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def delivery_page(delivery: WebhookDelivery) -> str:
    return reverse("admin:capital_webhookdelivery_change", args=[delivery.pk])


# The secret


def test_secret_is_made_shown_once_and_opens_the_webhook(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]

    answer = client.post(webhook_page(strategy), {"ask": "rotate"})

    (secret,) = set(re.findall(r"whs_[\w-]{43}", text_of(answer)))
    assert "no-store" in answer["Cache-Control"]
    assert f"http://testserver{hook_path(strategy.key)}" in text_of(answer)
    assert check_at_its_address(strategy.key, Proof(token=secret)).created_by == tenant.user
    for path in (
        webhook_page(strategy),
        reverse("admin:strategies_strategy_change", args=[strategy.pk]),
        reverse("admin:strategies_strategy_history", args=[strategy.pk]),
        reverse("admin:index"),
    ):
        assert secret not in text_of(client.get(path))
    assert secret not in str(list(LogEntry.objects.values()))


@pytest.mark.once
def test_message_for_tradingview_is_json_that_the_webhook_takes(
    client: Client, tenant: Tenant, exchange: Exchange
) -> None:
    client.force_login(allow(tenant.user, "capital.allocate_capital"))
    exchange.server.market_place.set_price("BTC/USDT", "61234.5")
    make_market("BTC/USDT")
    make_market("BTC/USDT:USDT")
    for strategy, symbol in zip(tenant.strategies, ("BTC/USDT", "BTC/USDT:USDT"), strict=True):
        report_positions(strategy.strategy_accounts.get().pk, [])
        answer = client.post(webhook_page(strategy), {"ask": "rotate"})
        texts, now = [each.text for each in answer.context["texts"]], timezone.now()
        assert len(texts) == 4
        for number, message in enumerate(texts):
            assert html.escape(message) in answer.content.decode()
            filled = (
                message.replace("{{strategy.market_position}}", "long")
                .replace("{{strategy.position_size}}", "3")
                .replace("{{strategy.order.id}}", f"Long {number}")
                .replace("{{ticker}}", "BTCUSDT")
                .replace("{{timenow}}", f"{now - timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}")
            )
            # Sized at the venue's price, not at the bar's.
            assert "price" not in json.loads(filled)
            assert "{{" not in filled

            delivered = client.post(hook_path(strategy.key), filled, content_type="text/plain")

            assert delivered.status_code == 200, delivered.content
            assert [size["symbol"] for size in delivered.json()["sizes"]] == [symbol]
            assert delivered.json()["sizes"][0]["price"] == "61234.5"


@pytest.mark.once
def test_page_shows_the_last_signals_and_the_refused_ones_and_reads_them_again(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    strategy, other = tenant.strategies
    rotate_secret(strategy)
    record_refusal(
        strategy.webhook_secret,
        body={"symbol": "BTC/USDT", "position": "up"},
        refusal={"status": 400, "code": "unknown_target", "detail": "It is not known."},
        address="::1",
    )
    WebhookDelivery.objects.create(
        strategy=other, fingerprint="0" * 64, body={"symbol": "OF/OTHER", "action": "close"}
    )

    page = text_of(client.get(webhook_page(strategy)))
    part = text_of(client.get(webhook_page(strategy), {"part": "signals"}))

    for text in (page, part):
        assert "BTC/USDT up" in text
        assert "It is not known." in text
        assert "OF/OTHER" not in text
    assert "<html" not in part
    assert "webhook.js" in page
    assert f'data-try="http://testserver{hook_path(strategy.key)}"' in page
    assert "whs_…" in page


@pytest.mark.once
def test_signals_are_shown_to_who_may_see_them_only(client: Client, tenant: Tenant) -> None:
    strategy = tenant.strategies[0]
    rotate_secret(strategy)
    user = make_user(is_staff=True)
    strategy.owner = user
    strategy.save()
    client.force_login(allow(user, *EDITOR))

    page = text_of(client.get(webhook_page(strategy)))
    assert "whs_…" in page
    assert "Last signals" not in page
    assert "No signal" in text_of(client.get(webhook_page(strategy), {"part": "signals"}))


def test_new_secret_takes_the_place_of_the_one_before(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]
    before = rotate_secret(strategy)

    client.post(webhook_page(strategy), {"ask": "rotate"})

    with pytest.raises(WebhookRefused):
        check_at_its_address(strategy.key, Proof(token=before))
    assert WebhookSecret.objects.filter(strategy=strategy).count() == 1


def test_removed_secret_closes_the_webhook(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]
    secret = rotate_secret(strategy)

    first = client.post(webhook_page(strategy), {"ask": "remove"}, follow=True)
    second = client.post(webhook_page(strategy), {"ask": "remove"}, follow=True)

    assert "The webhook is off and its secret no longer works." in text_of(first)
    assert "The webhook is already off." in text_of(second)
    with pytest.raises(WebhookRefused):
        check_at_its_address(strategy.key, Proof(token=secret))


def test_networks_and_delay_are_set_on_the_page_and_refused_there(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]
    rotate_secret(strategy)
    asked = {"ask": "settings", "networks": "52.32.178.7\r\n10.0.0.0/8", "max_lag_seconds": "30"}

    assert client.post(webhook_page(strategy), asked).status_code == 302
    refused = text_of(client.post(webhook_page(strategy), {**asked, "networks": "nowhere"}))
    missing = text_of(client.post(webhook_page(strategy), {**asked, "max_lag_seconds": ""}))

    secret = WebhookSecret.objects.get(strategy=strategy)
    assert (secret.networks, secret.max_lag_seconds) == (["52.32.178.7/32", "10.0.0.0/8"], 30)
    assert "'nowhere' is no address" in refused
    assert "This field is required" in missing
    shown = text_of(client.get(webhook_page(strategy)))
    assert "52.32.178.7/32\n10.0.0.0/8" in shown
    assert "52.89.214.238" in shown
    off = client.post(webhook_page(tenant.strategies[1]), asked, follow=True)
    assert "already off" in text_of(off)


@pytest.mark.once
def test_badge_says_on_or_off_in_korean(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy, other = tenant.strategies[:2]
    client.post(webhook_page(strategy), {"ask": "rotate"})

    on, off = (
        client.get(webhook_page(each), headers={"accept-language": "ko"}).content.decode()
        for each in (strategy, other)
    )

    assert "켜짐" in on
    assert "보유 중" not in on
    assert "꺼짐" in off
    assert "청산" not in off


@pytest.mark.once
def test_looking_changes_nothing(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]
    rotate_secret(strategy)
    before = WebhookSecret.objects.values().get()

    for ask in ("", "rotate", "remove"):
        assert client.get(webhook_page(strategy), {"ask": ask}).status_code == 200
    assert client.post(webhook_page(strategy), {"ask": "other"}).status_code == 200

    assert WebhookSecret.objects.values().get() == before


@pytest.mark.once
def test_only_who_may_change_the_strategy_touches_its_secret(
    client: Client, tenant: Tenant
) -> None:
    strategy = tenant.strategies[0]
    stranger = allow(make_user(is_staff=True), *EDITOR)
    looker = join(make_user(is_staff=True), "risk")
    own = tenant.user
    own.user_permissions.clear()
    for user, status in (
        (stranger, 404),
        (looker, 403),
        (join(own, "viewer"), 403),
    ):
        client.force_login(user)
        for ask in ("rotate", "remove"):
            assert client.post(webhook_page(strategy), {"ask": ask}).status_code == status
        assert client.get(webhook_page(strategy)).status_code == status
    assert not WebhookSecret.objects.exists()


# The deliveries


@pytest.mark.once
def test_delivery_is_told_readably(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)

    text = re.sub(
        r"\s+", " ", re.sub("<[^>]*>", " ", text_of(client.get(delivery_page(tenant.delivery))))
    )

    assert "mine-spot/USDT buy 0.1607 — 61,234.5 10,369 The order can be sent as it is." in text
    assert "Capital of mine-account was allocated." in text
    assert "spot 10,369 · cached" in text
    assert "mine-account was not read live." in text
    assert "secret in the request body" in text
    assert f"/admin/capital/allocationrun/{tenant.runs[1].pk}/change/" in text_of(
        client.get(delivery_page(tenant.delivery))
    )


@pytest.mark.once
def test_money_of_a_delivery_has_its_currency_and_the_title_a_name(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    Strategy.objects.filter(pk=tenant.strategies[0].pk).update(name="Mean reversion")
    delivery = WebhookDelivery.objects.create(
        strategy=tenant.strategies[0], fingerprint="0" * 64, body={"symbol": "BTC/USDT"}
    )
    body = tenant.delivery.answer.body
    about = {part: [tenant.account.pk] for part in ("allocations", "sizes")}
    WebhookAnswer.objects.create(delivery=delivery, body=body, accounts=about)

    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text_of(client.get(delivery_page(delivery)))))

    assert "buy 0.1607 — 61,234.5 10,369.00 USDT The order" in text
    assert "spot 10,369.00 USDT · cached" in text
    assert f"Mean reversion {timezone.localtime(delivery.received_at):%Y-%m-%d %H:%M}" in text


@pytest.mark.once
def test_delivery_without_an_answer_says_so(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    delivery = WebhookDelivery.objects.create(
        strategy=tenant.strategies[0], fingerprint="0" * 64, body={"symbol": "BTC/USDT"}
    )

    assert "No response is recorded" in text_of(client.get(delivery_page(delivery)))
    listed = text_of(client.get(reverse("admin:capital_webhookdelivery_changelist")))
    assert "no response" in listed
    assert "1 of 1 order sized" in listed


@pytest.mark.once
@pytest.mark.parametrize(
    ("codes", "text", "colour"),
    [
        (["already_there"] * 2, "already there", "green"),
        (["sized", "already_there"], "1 of 2 orders sized", "green"),
        (["already_there", "signal_late"], "0 of 2 orders sized", "orange"),
        ([], "0 of 0 orders sized", "orange"),
    ],
)
def test_a_list_tells_a_position_that_is_there_from_an_order_that_failed(
    tenant: Tenant, codes: list[str], text: str, colour: str
) -> None:
    delivery = WebhookDelivery.objects.create(
        strategy=tenant.strategies[0], fingerprint="1" * 64, body={}
    )
    body = {"sizes": [{"code": code} for code in codes]}
    WebhookAnswer.objects.create(delivery=delivery, body=body)

    shown = answer_badge(delivery)

    assert text in shown
    assert colour in shown


def test_a_signal_of_which_nothing_could_be_read_is_one_dash() -> None:
    assert signal_text({}) == signal_text({"comment": "x"}) == "—"
    assert signal_text({"symbol": "BTCUSDT"}) == "BTCUSDT —"


@pytest.mark.once
def test_answer_leaves_out_accounts_that_are_not_the_readers(
    client: Client, tenant: Tenant
) -> None:
    strategy = make_strategy(owner=tenant.user, name="shared")
    theirs = make_account(name="theirs")
    make_link(account=theirs, strategy=strategy)
    delivery = make_delivery(strategy, theirs)
    client.force_login(tenant.user)

    text = text_of(client.get(delivery_page(delivery)))

    assert "theirs" not in text
    assert "10369" not in text
    assert "10,369" not in text
    assert "2 lines are hidden" in text
    client.force_login(allow(tenant.user, "capital.view_all_accounts"))
    assert "theirs" in text_of(client.get(delivery_page(delivery)))


def test_account_of_the_same_name_is_not_taken_for_the_readers(
    client: Client, tenant: Tenant
) -> None:
    strategy = make_strategy(owner=tenant.user, name="shared")
    theirs = make_account(name="mine-account")
    make_link(account=theirs, strategy=strategy)
    client.force_login(tenant.user)

    text = text_of(client.get(delivery_page(make_delivery(strategy, theirs))))

    assert "10369" not in text
    assert "10,369" not in text


@pytest.mark.once
def test_order_that_was_not_sized_gives_its_reason_once_and_whole(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    reason = "upbit has no market BTC/USDT."
    delivery = WebhookDelivery.objects.create(
        strategy=tenant.strategies[0], fingerprint="0" * 64, body=[]
    )
    size = {
        "account": tenant.account.name,
        "code": "unknown_symbol",
        "warnings": [{"code": "unknown_symbol", "reason": reason}],
    }
    type(tenant.delivery.answer).objects.create(delivery=delivery, body={"sizes": [size]})

    text = text_of(client.get(delivery_page(delivery)))

    assert text.count(reason) == 1
    assert "…" not in text.partition("Order sizes")[2].partition("Request body")[0]


@pytest.mark.once
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"sizes": None, "allocations": "x", "warnings": 7},
        {
            "sizes": [None, {}, {"account": 5, "quantity": "x", "warnings": [1]}],
            "allocations": [
                {},
                {"outcome": "odd", "balances": [{"observed_at": "2026-13-01T00:00:00"}]},
            ],
        },
    ],
)
def test_odd_answer_of_another_version_is_shown_all_the_same(
    client: Client, tenant: Tenant, body: Any
) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    delivery = WebhookDelivery.objects.create(
        strategy=tenant.strategies[0], fingerprint="0" * 64, body=[]
    )
    type(tenant.delivery.answer).objects.create(delivery=delivery, body=body)

    assert client.get(delivery_page(delivery)).status_code == 200
    assert client.get(reverse("admin:capital_webhookdelivery_changelist")).status_code == 200


def test_deliveries_are_filtered_by_strategy_and_by_time(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    path = reverse("admin:capital_webhookdelivery_changelist")
    spot, futures = tenant.strategies

    def count(**filters: Any) -> int:
        answer = client.get(path, filters)
        assert answer.status_code == 200, filters
        return int(answer.context["cl"].result_count)

    assert count(strategy__id__exact=spot.pk) == 1
    assert count(strategy__id__exact=futures.pk) == 0
    today = timezone.localdate().isoformat()
    assert count(received_at_from_0="2020-01-01", received_at_from_1="00:00:00") == 1
    assert count(received_at_from_0="2999-01-01", received_at_from_1="00:00:00") == 0
    assert count(received_at_from_0=today, received_at_to_0=today) == 1
    assert count(received_at_to_0="2020-01-01") == 0
    for odd in ("yesterday", "2020-02-31", "0001-01-01", "9999-12-31"):
        assert count(received_at_from_0=odd, received_at_from_1="25:00") in (0, 1)


def refused(tenant: Tenant, **fields: Any) -> WebhookDelivery:
    told = {
        "status": 400,
        "code": "invalid",
        "detail": "side: CANARY-detail",
        "errors": [{"field": "orders.1.side", "code": "invalid", "detail": "CANARY-error"}],
    }
    return WebhookDelivery.objects.create(
        **{
            "strategy": tenant.strategies[0],
            "fingerprint": "0" * 64,
            "body": {"text": "CANARY-body"},
            "refusal": told,
            **fields,
        }
    )


@pytest.mark.once
def test_refused_signal_is_told_with_its_reason(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    delivery = refused(tenant)

    text = text_of(client.get(delivery_page(delivery)))
    for shown in ("CANARY-detail", "orders.1.side", "CANARY-error", "CANARY-body", "Refused"):
        assert shown in text
    assert "No response is recorded" not in text
    listed = reverse("admin:capital_webhookdelivery_changelist")
    assert "CANARY-detail" in text_of(client.get(listed + "?refused=yes"))
    assert "CANARY-detail" not in text_of(client.get(listed + "?refused=no"))


@pytest.mark.once
def test_refused_signals_are_told_on_the_strategys_page(client: Client, tenant: Tenant) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]
    page = reverse("admin:strategies_strategy_change", args=[strategy.pk])
    assert "Refused signals" not in text_of(client.get(page))

    refused(tenant, strategy=tenant.strategies[1])
    refused(tenant, received_at=timezone.now() - timedelta(days=8))
    assert "Refused signals" not in text_of(client.get(page))

    delivery = refused(tenant)
    shown = text_of(client.get(page))
    assert "Refused signals" in shown
    assert "CANARY-detail" in shown
    assert delivery_page(delivery) in shown


@pytest.mark.once
def test_changes_of_a_webhook_are_told_in_the_words_of_the_reader(
    client: Client, tenant: Tenant
) -> None:
    strategy = tenant.strategies[0]
    rotate_secret(strategy, actor=tenant.user)
    change_webhook(strategy, networks=["192.0.2.0/24"], max_lag_seconds=30, actor=tenant.user)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = text_of(
        client.get(
            reverse("admin:capital_settingchange_changelist"), headers={"accept-language": "ko"}
        )
    )

    assert "웹훅 시크릿: 미설정 → 설정됨" in listed
    assert "192.0.2.0/24" in listed
    assert "networks:" not in listed
    assert "max_lag_seconds:" not in listed


@pytest.mark.once
def test_page_of_a_webhook_that_is_off_shows_no_address_that_will_never_work(
    client: Client, tenant: Tenant
) -> None:
    client.force_login(tenant.user)
    strategy = tenant.strategies[0]

    off = text_of(client.get(webhook_page(strategy)))
    rotate_secret(strategy, actor=tenant.user)

    assert "Created together with the secret." in off
    assert "/api/v1/hooks/" not in off
    assert hook_path(strategy.key) in text_of(client.get(webhook_page(strategy)))

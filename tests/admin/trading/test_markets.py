"""Markets: the venues' rules, the same for everybody who may look."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from capital.admin.frame.cells import instant
from capital.models import Market
from capital.services.markets.stored import RULE_COLUMNS, as_json
from tests.admin.tenants import join
from tests.factories import make_market, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_market_changelist")


@pytest.mark.once
def test_every_group_sees_every_venue_s_rules_and_changes_none(client: Client) -> None:
    market = make_market(min_cost=Decimal(5), min_amount=Decimal("0.0001"))
    for group in ("operator", "risk", "viewer"):
        client.force_login(join(make_user(is_staff=True), group))
        listed = client.get(LIST).content.decode()
        assert "BTC/USDT" in listed
        assert "0.00001 (step)" in listed
        page = reverse("admin:capital_market_change", args=[market.pk])
        assert client.get(page).status_code == 200
        assert client.post(page, {"symbol": "X/Y"}).status_code == 403
        assert client.get(reverse("admin:capital_market_add")).status_code == 403


@pytest.mark.once
def test_nobody_looks_without_the_permission(client: Client) -> None:
    client.force_login(make_user(is_staff=True))

    assert client.get(LIST).status_code == 403


def test_list_is_filtered_by_venue(client: Client) -> None:
    make_market()
    make_market("ETH/USDT", venue="bybit")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = client.get(LIST, {"venue": "bybit"}).content.decode()

    assert "ETH/USDT" in listed
    assert "BTC/USDT" not in listed


PENDING = {
    "rules": {
        "kind": "spot",
        "contract_size": None,
        "amount_unit": "quote",
        "precision_mode": "tick_size",
    },
    "since": "2026-11-24T09:00:00+00:00",
}


def changed_market():
    """A market whose quantity is to count money, which waits; and one that has nothing waiting."""
    market = make_market(amount_unit="base")
    stored = {name: getattr(market, name) for name in RULE_COLUMNS}
    rules = {**as_json(stored), **PENDING["rules"]}
    Market.objects.filter(pk=market.pk).update(pending_rules={**PENDING, "rules": rules})
    return market, make_market("ETH/USDT")


def test_rules_that_wait_are_shown_and_accepted(client: Client) -> None:
    market, other = changed_market()
    client.force_login(join(make_user(is_staff=True), "risk"))
    assert "rules to accept" in client.get(LIST).content.decode()
    page = client.get(reverse("admin:capital_market_change", args=[market.pk])).content.decode()
    assert "unit of an order&#x27;s quantity base → quote" in page

    done = client.post(
        LIST,
        {"action": "accept_rules", "_selected_action": [market.pk, other.pk]},
        follow=True,
    ).content.decode()

    assert "Accepted the changed rules of BTC/USDT on binance" in done
    assert "No changed rules of ETH/USDT on binance wait to be accepted." in done
    market.refresh_from_db()
    assert (market.amount_unit, market.pending_rules) == ("quote", None)


def test_rules_that_wait_stand_first_with_what_changed(client: Client) -> None:
    make_market("AAA/USDT", venue="aaa")
    market, _ = changed_market()
    client.force_login(join(make_user(is_staff=True), "risk"))

    answer = client.get(LIST)

    first, *_ = answer.context["cl"].result_list
    assert first.pk == market.pk
    assert "unit of an order&#x27;s quantity base → quote" in answer.content.decode()


def test_rules_that_wait_are_told_in_the_words_of_the_reader(client: Client) -> None:
    market, _ = changed_market()
    client.force_login(join(make_user(is_staff=True), "risk"))
    url = reverse("admin:capital_market_change", args=[market.pk])

    page = client.get(url, headers={"Accept-Language": "ko"}).content.decode()

    assert "주문 수량의 단위 기준 통화 → 상대 통화" in page
    # What it means until somebody accepts it.
    assert "승인할 때까지는" in page


def test_values_of_orders_have_their_currency(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    market = make_market("BTC/KRW", min_cost=Decimal(5000), market_buy_max_cost=Decimal(10**9))

    page = client.get(reverse("admin:capital_market_change", args=[market.pk])).content.decode()

    assert "5,000 KRW" in page
    assert "1,000,000,000 KRW" in page


def test_brackets_by_amount_are_in_the_unit_of_an_order(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    for symbol, unit, told in (
        ("BTC/USDT:USDT", "contracts", "25× ≤ 120,000 contracts"),
        ("BTC/USDT", "base", "25× ≤ 120,000 BTC"),
        ("ETH/USDT", "quote", "25× ≤ 120,000 USDT"),
        ("SOL/USDT", "", "25× ≤ 120,000"),
    ):
        market = make_market(symbol, amount_unit=unit)
        market.leverage_brackets = [{"leverage": "25", "max_amount": "120000"}]
        market.save()
        url = reverse("admin:capital_market_change", args=[market.pk])

        assert f"{told}</span>" in client.get(url).content.decode()


@pytest.mark.once
def test_who_may_only_look_accepts_nothing(client: Client) -> None:
    market, _ = changed_market()
    client.force_login(join(make_user(is_staff=True), "operator"))

    assert "accept_rules" not in client.get(LIST).content.decode()
    client.post(LIST, {"action": "accept_rules", "_selected_action": [market.pk]})

    market.refresh_from_db()
    assert market.amount_unit == "base"


def test_brackets_of_leverage_and_an_unconfirmed_step_are_told_in_words(client: Client) -> None:
    market = make_market("BTC/USDT:USDT")
    market.leverage_brackets = [
        {"leverage": "125", "max_notional": "50000"},
        {"leverage": "20", "max_notional": None},
    ]
    market.max_amount = Decimal(1000000)
    market.save()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    url = reverse("admin:capital_market_change", args=[market.pk])

    told = client.get(url).content.decode()
    assert "125× ≤ 50,000 USDT" in told
    assert "20×</span>" in told
    assert "1,000,000" in told
    assert "null" not in told.partition('id="content"')[2]

    market.pending_step = {"from": "0.001", "to": "0.01", "since": "2026-03-01T00:00:00+00:00"}
    market.save()
    since = instant(datetime(2026, 3, 1, tzinfo=UTC))
    assert f"0.001 → 0.01 ({since})" in client.get(url).content.decode()

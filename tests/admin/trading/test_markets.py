"""Markets: the venues' rules, the same for everybody who may look."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tests.admin.tenants import join
from tests.factories import make_market, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_market_changelist")


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

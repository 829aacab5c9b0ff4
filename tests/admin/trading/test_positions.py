"""Positions: what is too small for any order is shown as dust."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_link, make_market, make_position, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_position_changelist")


def test_dust_is_shown_as_dust(client: Client) -> None:
    make_market("ETH/USDT", amount_precision=Decimal("0.0001"))
    dust = make_position(make_link(), "0.00001234", "ETH/USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = client.get(LIST).content.decode()
    page = client.get(reverse("admin:capital_position_change", args=[dust.pk])).content.decode()

    for shown in (listed, page):
        assert ">dust<" in "".join(shown.split())


def test_what_an_order_can_close_is_open(client: Client) -> None:
    make_market("ETH/USDT", amount_precision=Decimal("0.0001"))
    make_position(make_link(), "0.0001", "ETH/USDT")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    listed = "".join(client.get(LIST).content.decode().split())

    assert ">open<" in listed
    assert ">dust<" not in listed

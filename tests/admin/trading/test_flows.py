"""Flows: whose they are, and only what was earned in the colours of gain and loss."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import make_flow, make_link, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_flow_changelist")


def listed(client: Client) -> str:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client.get(LIST).content.decode()


def test_a_deposit_is_no_gain(client: Client) -> None:
    make_flow(make_link().account, kind="deposit", amount=Decimal(1000))

    page = listed(client)

    assert "+1,000.00 USDT" in page
    assert "desk-up" not in page


def test_funding_is_coloured_and_names_its_strategy_and_symbol(client: Client) -> None:
    link = make_link()
    make_flow(
        link.account,
        kind="funding",
        amount=Decimal("-0.5"),
        strategy_account=link,
        symbol="ETH/USDT:USDT",
    )

    page = listed(client)

    assert "desk-down" in page
    assert link.strategy.name in page
    assert "ETH/USDT:USDT" in page


def test_an_export_has_what_is_selected_to_the_last_digit(client: Client) -> None:
    link = make_link()
    chosen = make_flow(
        link.account,
        kind="funding",
        amount=Decimal("-0.123456789012345678901"),
        strategy_account=link,
        note="=1+1",
    )
    make_flow(link.account, note="another one")
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.post(LIST, {"action": "export", "_selected_action": [chosen.pk]})

    head, line, end = b"".join(answer).decode("utf-8-sig").split("\r\n")
    assert head.startswith("occurred_at,account,pool,kind,amount,currency,strategy,")
    assert f",funding,-0.123456789012345678901,USDT,{link.strategy.key}," in line
    assert line.endswith(",'=1+1")
    assert end == ""

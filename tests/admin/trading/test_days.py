"""The days of strategies: what each had and earned, to be looked at and exported."""

import csv
import io
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import LinkDay, StrategyAccount
from tests.admin.tenants import allow
from tests.factories import make_link, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_linkday_changelist")
D = Decimal


def make_day(link: StrategyAccount, number: int, **figures: Any) -> LinkDay:
    return LinkDay.objects.create(
        **{
            "strategy_account": link,
            "date": date(2026, 3, number),
            "currency": "USDT",
            "equity_start": D(1000),
            "capital_added": D(0),
            "realized": D("12.5"),
            "fees": D("0.123456789"),
            "funding": D("-1.25"),
            "unrealized": D(3),
            "volume": D(500),
            "fills": 4,
            "trades": 2,
            "wins": 1,
            "losses": 1,
            **figures,
        }
    )


def cells(page: Any, name: str) -> list[str]:
    found = re.findall(
        rf'<t[dh] class="field-{name}[^>]*>(.*?)</t[dh]>', page.content.decode(), re.S
    )
    return [" ".join(re.sub("<[^>]*>|\\s+", " ", cell).split()) for cell in found]


def test_each_day_is_listed_with_what_was_earned(client: Client) -> None:
    link = make_link()
    restated = timezone.now() - timedelta(hours=2)
    days = (
        make_day(link, 1, restated_at=restated, fees_unvalued={"BNB": "0.01"}),
        make_day(link, 2, equity_start=None, capital_added=None, unrealized=None),
    )
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(LIST)

    shown = {
        name: cells(page, f"shown_{name}")
        for name in ("equity", "realized", "fees", "funding", "unrealized", "trades", "date")
    }
    assert shown == {
        "equity": ["—", "1,000.00"],
        "realized": ["+12.50", "+12.50"],
        "fees": ["0.12", "0.12 + 0.01 BNB"],
        "funding": ["-1.25", "-1.25"],
        "unrealized": ["—", "+3.00"],
        "trades": ["2", "2"],
        "date": [str(days[1].date), f"{days[0].date} restated 2 h ago"],
    }
    # In the digits of the currency; whoever points at it sees all of them.
    assert page.content.decode().count('title="0.123456789 USDT"') == 2


def test_a_days_own_page_shows_its_volume_and_counts(client: Client) -> None:
    day = make_day(make_link(), 1)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get(reverse("admin:capital_linkday_change", args=[day.pk])).content.decode()

    assert "500.00 USDT" in page


def test_days_are_exported_to_the_last_digit(client: Client) -> None:
    link = make_link()
    day = make_day(link, 1)
    client.force_login(make_user(is_staff=True, is_superuser=True))

    answer = client.post(LIST, {"action": "export", "_selected_action": [day.pk]})

    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    (row,) = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    assert (row["date"], row["strategy"], row["fees"], row["trades"]) == (
        "2026-03-01",
        link.strategy.key,
        "0.123456789",
        "2",
    )


def test_who_may_see_positions_sees_the_days_of_their_own_accounts(client: Client) -> None:
    link = make_link()
    make_day(link, 1)
    make_day(make_link(), 2)
    owner = make_user(is_staff=True)
    type(link.account).objects.filter(pk=link.account_id).update(owner=owner)
    client.force_login(allow(owner, "capital.view_position"))

    assert cells(client.get(LIST), "shown_account") == [link.account.name]

    client.force_login(allow(make_user(is_staff=True), "capital.view_fill"))
    assert client.get(LIST).status_code == 403

"""Reservations in the admin: as they are now, filtered by state, and released by hand."""

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from capital.models import Reservation, StrategyAccount
from tests.factories import make_account, make_link, make_operator, make_reservation, make_user

pytestmark = pytest.mark.django_db

LIST = reverse("admin:capital_reservation_changelist")


def page(client: Client, address: str = LIST) -> str:
    return "".join(client.get(address).content.decode().split())


@pytest.fixture
def link() -> StrategyAccount:
    return make_link(capital="1000")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    return client


def test_each_is_shown_as_it_is_now(admin: Client, link: StrategyAccount) -> None:
    past = timezone.now() - timedelta(hours=1)
    part = make_reservation(link, filled_quantity=Decimal(1), order_id="77", state="placed")
    gone = make_reservation(link, created_at=past, expires_at=past + timedelta(minutes=1))
    used = make_reservation(link, state="used", is_held=False, ended_at=past)

    listed = page(admin)

    assert "300.00USDT" in listed
    assert "400.00USDT" in listed
    for state in (">placed<", ">expired<", ">used<", "countsuntilfillsareknown"):
        assert state in listed
    for row, state in ((part, ">placed<"), (gone, ">expired<"), (used, ">used<")):
        address = reverse("admin:capital_reservation_change", args=[row.pk])
        assert state in page(admin, address)


def test_the_list_is_filtered_by_the_state_of_now(admin: Client, link: StrategyAccount) -> None:
    past = timezone.now() - timedelta(hours=1)
    make_reservation(link, symbol="AAA/USDT")
    make_reservation(
        link, symbol="BBB/USDT", created_at=past, expires_at=past + timedelta(minutes=1)
    )

    expired = page(admin, f"{LIST}?state=expired")
    unknown = page(admin, f"{LIST}?state=lost")

    assert "BBB/USDT" in expired
    assert "AAA/USDT" not in expired
    assert "AAA/USDT" in unknown


def test_they_are_released_by_hand_and_what_was_used_is_said(admin, link) -> None:
    first, second = make_reservation(link), make_reservation(link)
    used = make_reservation(link, state="used", is_held=False, ended_at=timezone.now())

    answer = admin.post(
        LIST,
        {"action": "release", "_selected_action": [first.pk, second.pk, used.pk]},
        follow=True,
    )

    said = [str(message) for message in answer.context["messages"]]
    assert said[-1] == "2 reservations were released."
    assert "This reservation has ended (used). Reserve again." in said[0]
    assert Reservation.objects.filter(state="released", ended_by__isnull=False).count() == 2


def test_who_may_not_report_may_not_release(client: Client) -> None:
    viewer = make_operator("view_reservation")
    row = make_reservation(make_link(account=make_account(owner=viewer), capital="1000"))
    client.force_login(viewer)

    client.post(LIST, {"action": "release", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert row.state == "open"


def test_the_export_has_one_line_each(admin: Client, link: StrategyAccount) -> None:
    row = make_reservation(link, filled_quantity=Decimal(1), client_order_id="mine")

    answer = admin.post(LIST, {"action": "export", "_selected_action": [row.pk]})

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (line,) = csv.DictReader(text.splitlines())
    assert line == line | {
        "strategy": link.strategy.key,
        "account": link.account.name,
        "quantity": "4",
        "amount": "400",
        "left": "300",
        "currency": "USDT",
        "state": "open",
        "client_order_id": "mine",
        "placed_at": "",
    }

"""``reservations`` and ``size --reserve``: what is held for orders, and released by hand."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from capital.models import Reservation
from tests.commands.running import run
from tests.factories import make_account, make_link, make_market, make_strategy

pytestmark = pytest.mark.django_db

SIZE = ("size", "grid", "--symbol", "BTC/USDT", "--side", "buy", "--price", "100")


@pytest.fixture(autouse=True)
def _desk() -> None:
    make_market(fetched_at=timezone.now())
    strategy = make_strategy(key="grid")
    for name in ("Main", "Second"):
        account = make_account(name=name, owner=strategy.owner)
        make_link(account=account, strategy=strategy, capital="1000")


def test_what_is_sized_is_reserved_where_that_is_asked_for() -> None:
    reserving = ("--reserve", "--expires-in", "120", "--client-order-id", "mine")
    _, sized = run(*SIZE, "--qty-per", "50", "--json")
    _, text = run(*SIZE, "--qty-per", "50", *reserving, "--account", "Main", "--json")

    (order,) = json.loads(text)["orders"]
    row = Reservation.objects.get()
    assert [answer.get("reservation") for answer in json.loads(sized)["orders"]] == [None, None]
    assert order["reservation"]["id"] == row.pk
    assert (row.amount, row.client_order_id) == (500, "mine")
    assert (row.expires_at - row.created_at).total_seconds() == 120


def test_a_person_reads_what_is_held_and_what_is_left() -> None:
    run(*SIZE, "--qty-per", "50", "--reserve", "--account", "Main")

    _, text = run(*SIZE, "--qty-per", "100", "--reserve", "--account", "Main")
    _, shown = run("reservations")

    for said in ("Reserved for orders", "500", "Limited by the capital that is available."):
        assert said in text
    assert f"Reservation {Reservation.objects.latest('pk').pk}, until" in text
    assert shown.count("500 USDT") == shown.count("open") == 2


def test_a_released_one_is_shown_only_with_all() -> None:
    run(*SIZE, "--qty-per", "50", "--reserve")
    first, second = Reservation.objects.order_by("pk")

    _, left = run("reservations", "--release", str(first.pk), "--json")
    _, every = run("reservations", "--all", "--json", "--account", "Main")

    assert [row["id"] for row in json.loads(left)["reservations"]] == [second.pk]
    (told,) = json.loads(every)["reservations"]
    assert told == told | {
        "id": first.pk,
        "state": "released",
        "strategy": "grid",
        "account": "Main",
        "symbol": "BTC/USDT",
        "side": "buy",
        "quantity": "5",
        "filled_quantity": "0",
        "amount": "0",
    }
    _, text = run("reservations", "--all")
    assert "released" in text


def test_nothing_reserved_is_said() -> None:
    assert run("reservations") == (0, "Nothing is reserved.\n")


def test_what_cannot_be_released_is_a_refusal() -> None:
    run(*SIZE, "--qty-per", "50", "--reserve", "--account", "Main")
    Reservation.objects.update(state="used", is_held=False, ended_at=timezone.now())

    with pytest.raises(CommandError, match="has ended") as refused:
        call_command("reservations", "--release", str(Reservation.objects.get().pk))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError) as unknown:
        call_command("reservations", "--release", "99999")
    assert unknown.value.returncode == 2


def test_of_several_those_that_cannot_be_released_are_named_and_the_others_are() -> None:
    run(*SIZE, "--qty-per", "20", "--reserve")
    first, second = Reservation.objects.order_by("pk")
    used = {"state": "used", "is_held": False, "ended_at": timezone.now()}
    Reservation.objects.filter(pk=first.pk).update(**used)

    with pytest.raises(CommandError) as refused:
        call_command("reservations", "--release", str(first.pk), "99999", str(second.pk))

    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [str(first.pk), "99999"]
    assert refused.value.returncode == 2
    second.refresh_from_db()
    assert second.state == "released"


def test_a_time_that_is_too_long_is_a_refusal() -> None:
    with pytest.raises(CommandError, match="between 1 and 3600 seconds, not 3601") as refused:
        call_command(*SIZE, "--qty-per", "50", "--reserve", "--expires-in", "3601")

    assert refused.value.returncode == 2
    assert not Reservation.objects.exists()

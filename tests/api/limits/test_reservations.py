"""Reservations over the API: made with an order, placed, released, listed, and replayed as now."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.models import Reservation, StrategyAccount
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_link, make_market

pytestmark = pytest.mark.django_db

SYMBOL = "BTC/USDT:USDT"
KEY = {"Idempotency-Key": "k"}
ORDER = {"symbol": SYMBOL, "side": "buy", "qty_per": "60", "price": "100"}


@pytest.fixture
def bot() -> Bot:
    bot = Bot(scope="size")
    permit(bot.user, "capital.report_position", "capital.report_trading")
    return bot


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    make_market(symbol=SYMBOL, contract_size=Decimal(1), amount_precision=Decimal("0.1"))
    return make_link(account=make_account(owner=bot.user), market_type="futures", capital="1000")


def reserve(bot: Bot, link: StrategyAccount, *, key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return bot.post(f"strategy-accounts/{link.pk}/reservations/", {**ORDER, **fields}, **headers)


def test_the_answer_has_the_size_and_what_is_held(bot: Bot, link: StrategyAccount) -> None:
    answer = reserve(bot, link, client_order_id="mine", expires_in=120)

    body = answer.json()
    row = Reservation.objects.get()
    assert answer.status_code == 201
    assert list(body) == [
        "size",
        "id",
        "state",
        "amount",
        "expires_at",
        "client_order_id",
        "order_id",
    ]
    assert (body["id"], body["state"], body["amount"]) == (row.pk, "open", "600")
    assert (body["client_order_id"], body["order_id"]) == ("mine", "")
    assert (body["size"]["quantity"], body["size"]["available"]) == ("6.0", "1000")
    assert (row.expires_at - row.created_at).total_seconds() == 120
    assert row.reserved_by == bot.user


def test_fills_use_a_reservation_whose_order_was_named_with_blanks(
    bot: Bot, link: StrategyAccount
) -> None:
    held = reserve(bot, link, client_order_id=" mine ").json()
    fill = {
        "symbol": SYMBOL,
        "side": "buy",
        "quantity": held["size"]["quantity"],
        "price": "100",
        "executed_at": timezone.now().isoformat(),
        "client_order_id": " mine ",
    }

    told = bot.post(f"strategy-accounts/{link.pk}/fills/", {"fills": [fill]})

    assert told.status_code == 200, told.content
    assert held["client_order_id"] == "mine"
    assert Reservation.objects.get().state == "used"


def test_two_calls_at_once_are_not_both_given_everything(bot: Bot, link: StrategyAccount) -> None:
    first = reserve(bot, link, qty_per="100").json()
    second = reserve(bot, link, qty_per="100")

    assert first["size"]["quantity"] == "10.0"
    assert second.status_code == 200
    assert second.json() | {"size": None} == {
        "size": None,
        "id": None,
        "state": None,
        "amount": "0",
        "expires_at": None,
        "client_order_id": "",
        "order_id": "",
    }
    size = second.json()["size"]
    assert (size["quantity"], size["code"], size["bound_by"]) == (
        "0",
        "nothing_available",
        "available",
    )
    assert (size["available"], size["reserved"]) == ("0", "1000")


def test_an_absolute_quantity_above_what_is_available_is_refused(bot: Bot, link) -> None:
    reserve(bot, link)

    body = problem(reserve(bot, link, qty_per=None, qty="5"), 422)

    assert body["code"] == "above_available"
    assert "500.00 USDT" in body["detail"]
    assert "400.00 USDT" in body["detail"]


def test_a_replay_shows_the_reservation_as_it_is_now(bot: Bot, link: StrategyAccount) -> None:
    first = reserve(bot, link, key="k-1").json()
    bot.patch(f"reservations/{first['id']}/", {"order_id": "77"})

    again = reserve(bot, link, key="k-1")

    assert again.status_code == 201
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == {**first, "state": "placed", "order_id": "77"}
    assert Reservation.objects.count() == 1


def test_capital_is_reserved_for_the_symbol_that_a_ticker_means(
    bot: Bot, link: StrategyAccount
) -> None:
    symbol = ORDER["symbol"]
    ticker = str(symbol).partition(":")[0].replace("/", "") + ".P"

    answer = bot.post(f"strategy-accounts/{link.pk}/reservations/", {**ORDER, "symbol": ticker})

    assert answer.status_code == 201
    assert answer.json()["size"]["symbol"] == Reservation.objects.get().symbol == symbol


def test_size_reserves_where_it_is_told_to(bot: Bot, link: StrategyAccount) -> None:
    address = f"strategy-accounts/{link.pk}/size/"
    sized = bot.post(address, ORDER).json()
    held = bot.post(address, {**ORDER, "reserve": True}, **KEY).json()
    bot.delete(f"reservations/{held['reservation']['id']}/")
    again = bot.post(address, {**ORDER, "reserve": True}, **KEY).json()

    assert "reservation" not in sized
    assert {name: held[name] for name in sized} == sized
    assert held["reservation"]["amount"] == "600"
    assert again["reservation"] == {
        **held["reservation"],
        "state": "released",
        "amount": "0",
    }


def test_a_strategy_reserves_on_each_of_its_accounts(bot: Bot, link: StrategyAccount) -> None:
    link.strategy.owner = bot.user
    link.strategy.save()
    make_link(account=make_account(owner=bot.user), strategy=link.strategy, capital="100")
    address = f"strategies/{link.strategy.key}/size/"

    body = {**ORDER, "reserve": True}
    sizes = bot.post(address, body, **KEY).json()["sizes"]
    Reservation.objects.update(order_id="1", state="placed")
    again = bot.post(address, body, **KEY).json()["sizes"]

    assert [size["reservation"]["amount"] for size in sizes] == ["600", "60"]
    assert [size["reservation"]["state"] for size in again] == ["placed", "placed"]


def test_it_is_reserved_by_the_names_that_a_bot_knows(bot: Bot, link: StrategyAccount) -> None:
    address = f"strategies/{link.strategy.key}/accounts/{link.account.name}/reservations/"

    assert bot.post(address, ORDER).json()["amount"] == "600"


def test_placed_and_released(bot: Bot, link: StrategyAccount) -> None:
    pk = reserve(bot, link).json()["id"]

    placed = bot.patch(f"reservations/{pk}/", {"order_id": "77"})
    refused = problem(bot.patch(f"reservations/{pk}/", {"order_id": "78"}), 409)
    released = bot.delete(f"reservations/{pk}/")
    late = problem(bot.patch(f"reservations/{pk}/", {"order_id": "78"}), 409)

    assert (placed.json()["state"], placed.json()["order_id"]) == ("placed", "77")
    assert placed.json()["placed_at"] is not None
    assert refused["code"] == "reservation_placed"
    assert (released.status_code, bot.delete(f"reservations/{pk}/").status_code) == (204, 204)
    assert late["code"] == "reservation_ended"


def test_the_list_shows_and_filters_by_the_state_of_now(bot: Bot, link: StrategyAccount) -> None:
    gone = reserve(bot, link, qty_per="10", expires_in=1).json()["id"]
    Reservation.objects.filter(pk=gone).update(
        created_at="2026-01-01T00:00:00Z", expires_at="2026-01-01T00:00:01Z"
    )
    held = reserve(bot, link, qty_per="10", client_order_id="mine").json()["id"]

    def found(query: str) -> list[int]:
        return [row["id"] for row in bot.get(f"reservations/?{query}").json()["results"]]

    assert found("state=open") == [held]
    assert found("state=expired") == [gone]
    assert found("client_order_id=mine") == [held]
    assert found(f"strategy={link.strategy.key}&account={link.account_id}") == [gone, held]
    row = bot.get(f"reservations/{gone}/").json()
    assert (row["state"], row["amount"], row["reserved"], row["ended_at"]) == (
        "expired",
        "100",
        "100",
        None,
    )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"expires_in": 0}, "expires_in"),
        ({"expires_in": 3601}, "expires_in"),
        ({"expires_in": "60"}, "expires_in"),
        ({"expires_in": True}, "expires_in"),
        ({"client_order_id": "x" * 101}, "client_order_id"),
        ({"client_order_id": 7}, "client_order_id"),
        ({"client_order_id": "a\nb"}, "client_order_id"),
        ({"reserve": "yes"}, "reserve"),
        ({"colour": "red"}, "colour"),
        ({"symbol": 7}, "symbol"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(bot: Bot, link, fields, field) -> None:
    body = problem(reserve(bot, link, **fields), 400)

    assert field in str(body)
    assert not Reservation.objects.exists()


def test_what_is_held_is_said_only_of_an_order_that_reserves(bot: Bot, link) -> None:
    body = {**ORDER, "expires_in": 60}

    refused = problem(bot.post(f"strategy-accounts/{link.pk}/size/", body), 400)

    assert "expires_in" in str(refused)
    assert problem(bot.post(f"strategy-accounts/{link.pk}/reservations/", [1]), 400)


def test_an_order_id_is_required(bot: Bot, link: StrategyAccount) -> None:
    pk = reserve(bot, link).json()["id"]

    for body in ({}, {"order_id": ""}, {"order_id": 7}, {"order_id": "x" * 101}, {"state": "x"}):
        assert problem(bot.patch(f"reservations/{pk}/", body), 400)
    assert bot.get(f"reservations/{pk}/").json()["state"] == "open"


def test_a_name_that_counts_already_is_a_conflict(bot: Bot, link: StrategyAccount) -> None:
    reserve(bot, link, client_order_id="mine")

    body = problem(reserve(bot, link, client_order_id="mine"), 409)

    assert body["code"] == "order_reserved"


def test_of_others_nothing_is_seen_placed_or_released(link: StrategyAccount, bot: Bot) -> None:
    pk = reserve(bot, link).json()["id"]
    other = Bot()
    permit(other.user, "capital.report_position")

    assert other.get("reservations/").json()["results"] == []
    assert problem(other.patch(f"reservations/{pk}/", {"order_id": "1"}), 404)
    assert problem(other.delete(f"reservations/{pk}/"), 404)
    assert problem(reserve(other, link), 404)


def test_who_may_not_report_may_not_reserve(link: StrategyAccount, bot: Bot) -> None:
    bot.user.user_permissions.clear()

    assert problem(reserve(bot, link), 403)


def test_fills_use_what_was_reserved(bot: Bot, link: StrategyAccount) -> None:
    pk = reserve(bot, link, client_order_id="mine").json()["id"]
    told = {
        "symbol": SYMBOL,
        "side": "buy",
        "quantity": "6",
        "price": "100",
        "executed_at": "2026-11-24T09:00:00Z",
        "venue_fill_id": "1",
        "client_order_id": "mine",
    }

    bot.post(f"strategy-accounts/{link.pk}/fills/", {"fills": [told]})

    assert bot.get(f"reservations/{pk}/").json()["state"] == "used"
    size = bot.post(f"strategy-accounts/{link.pk}/size/", ORDER).json()
    assert (size["in_use"], size["reserved"], size["available"]) == ("600", "0", "400")

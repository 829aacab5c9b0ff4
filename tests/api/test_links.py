"""What bots ask and tell by the names that they know, and positions as a whole."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from capital.models import Fill, Position, StrategyAccount
from tests.admin.tenants import allow_everything
from tests.api.client import Bot, problem
from tests.factories import (
    make_account,
    make_link,
    make_market,
    make_position,
    make_strategy,
    make_user,
)

pytestmark = pytest.mark.django_db

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
AT = "2026-03-10T12:00:00+09:00"
FILL = {
    "symbol": BTC,
    "side": "buy",
    "quantity": "1",
    "price": "100",
    "executed_at": AT,
    "venue_fill_id": "1",
}
ORDER = {"symbol": BTC, "side": "buy", "qty_per": "50", "price": "100"}


@pytest.fixture
def bot() -> Bot:
    return Bot(allow_everything(make_user()), scope="size")


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    """A link beside one of the same strategy and one on the same account."""
    make_market(BTC)
    make_market(ETH)
    account = make_account(owner=bot.user, name="Main / 주계좌")
    strategy = make_strategy(owner=bot.user, key="trend", market_type="futures")
    other = make_strategy(owner=bot.user, key="other", market_type="futures")
    make_link(account=make_account(owner=bot.user, name="Main"), strategy=strategy)
    make_link(account=account, strategy=other)
    return make_link(account=account, strategy=strategy)


def named(verb: str, name: str = "Main / 주계좌", key: str = "trend") -> str:
    return f"strategies/{key}/accounts/{quote(name, safe='')}/{verb}/"


def held(link: StrategyAccount) -> dict[tuple[str, str], Decimal]:
    rows = Position.objects.filter(strategy_account=link)
    return {(row.symbol, row.position_side): row.quantity for row in rows}


# By a ticker of another exchange


@pytest.mark.parametrize(
    ("symbol", "codes"),
    [("BYBIT:BTCUSDT", ["other_exchange"]), ("BINANCE:BTCUSDT.P", []), (BTC, [])],
)
@pytest.mark.parametrize("by_name", [False, True])
def test_another_exchange_in_front_is_told_in_every_answer(
    bot, link, symbol: str, codes: list[str], by_name: bool
) -> None:
    def path(verb: str) -> str:
        return named(verb) if by_name else f"strategy-accounts/{link.pk}/{verb}/"

    order = {**ORDER, "symbol": symbol, "order_type": "LIMIT"}
    told = {"symbol": symbol, "quantity": "2"}
    answers = [
        bot.post(path("size"), order),
        bot.post(path("reservations"), order),
        bot.put(path("positions"), told),
        bot.put(path("positions"), {"positions": [told, {"symbol": ETH, "quantity": "1"}]}),
        bot.post(path("fills"), {"fills": [{**FILL, "symbol": symbol}, {**FILL, "symbol": ETH}]}),
    ]

    size, held, one, every, fills = (answer.json() for answer in answers)
    assert {answer.status_code for answer in answers} == {200}
    rows = [size, held["size"], one, every["positions"][0], fills["results"][0]]
    assert {row["symbol"] for row in rows} == {BTC}
    # The two that size say besides that there is no capital, at a price that was not compared.
    beside = {"price_not_compared", "no_capital"}
    told = [[each for each in row["warnings"] if each["code"] not in beside] for row in rows]
    assert [[each["code"] for each in warnings] for warnings in told] == [codes] * 5
    assert {each["reason"] for warnings in told for each in warnings} == {
        f"The symbol names BYBIT, but this account is on binance. {BTC} of binance was used."
        for _ in codes
    }
    # What stands beside it named no exchange.
    assert every["positions"][1]["warnings"] == fills["results"][1]["warnings"] == []


# By name


def test_a_bot_sizes_reports_and_tells_fills_by_names(bot, link) -> None:
    size = bot.post(named("size"), ORDER)
    position = bot.put(named("positions"), {"symbol": BTC, "quantity": "2"})
    fills = bot.post(named("fills"), {"fills": [FILL]})

    assert (size.status_code, size.json()["account"]) == (200, "Main / 주계좌")
    assert position.json()["strategy_account"] == link.pk
    assert fills.json()["results"][0]["code"] == "recorded"
    assert [fill.strategy_account for fill in Fill.objects.all()] == [link]


@pytest.mark.parametrize(
    ("name", "key"), [("Main / 주계좌", "nobody"), ("Nowhere", "trend"), ("main", "trend")]
)
def test_names_of_nothing_are_not_found(bot, link, name: str, key: str) -> None:
    problem(bot.post(named("size", name, key), ORDER), 404)


def test_names_of_others_are_not_found(link) -> None:
    stranger = Bot(allow_everything(make_user()), scope="size")

    problem(stranger.post(named("size"), ORDER), 404)
    problem(stranger.put(named("positions"), {"positions": []}), 404)
    problem(stranger.post(named("fills"), {"fills": [FILL]}), 404)


def test_a_name_that_two_owners_use_is_not_guessed(link) -> None:
    """A strategy trades on the accounts of its owner and on those that were shared with it."""
    twin = make_account(name=link.account.name)
    StrategyAccount.objects.bulk_create([StrategyAccount(account=twin, strategy=link.strategy)])
    root = make_user(is_superuser=True)

    answer = problem(Bot(root, scope="size").post(named("size"), ORDER), 409)

    assert f"{link.account_id} = " in answer["detail"]
    assert f"{twin.pk} = " in answer["detail"]


def test_a_token_of_another_account_finds_nothing(bot, link) -> None:
    other = make_account(owner=bot.user)
    limited = Bot(bot.user, scope="size", account=other)

    problem(limited.post(named("size"), ORDER), 404)


def test_an_answer_is_not_told_again_to_who_no_longer_sees_the_link(bot, link) -> None:
    headers: dict[str, str] = {"Idempotency-Key": "signal-1"}
    first = bot.post(named("fills"), {"fills": [FILL]}, **headers)
    again = bot.post(named("fills"), {"fills": [FILL]}, **headers)
    assert (first.status_code, again.json()) == (200, first.json())

    StrategyAccount.objects.filter(pk=link.pk).update(account=make_account())

    problem(bot.post(named("fills"), {"fills": [FILL]}, **headers), 404)


# As a whole


@pytest.mark.parametrize("by_name", [True, False])
def test_what_is_not_named_was_closed(bot, link, by_name: bool) -> None:
    make_position(link, "3", ETH)
    Position.objects.create(
        strategy_account=link, symbol=BTC, quantity=Decimal(-1), position_side="short"
    )
    beside = make_position(StrategyAccount.objects.exclude(pk=link.pk).first(), "1", ETH)
    path = named("positions") if by_name else f"strategy-accounts/{link.pk}/positions/"

    answer = bot.put(
        path, {"positions": [{"symbol": BTC, "quantity": "2", "entry_price": "100.5"}]}
    )

    assert answer.status_code == 200, answer.content
    told = [(row["symbol"], row["quantity"]) for row in answer.json()["positions"]]
    assert told == [(BTC, "2"), (ETH, "0"), (BTC, "0")]
    assert held(link) == {(BTC, "both"): 2, (ETH, "both"): 0, (BTC, "short"): 0}
    beside.refresh_from_db()
    assert beside.quantity == 1


def test_an_empty_list_is_flat(bot, link) -> None:
    make_position(link, "3", ETH)

    answer = bot.put(named("positions"), {"positions": []})

    assert [row["quantity"] for row in answer.json()["positions"]] == ["0"]
    assert bot.put(named("positions"), {"positions": []}).json() == {"positions": []}


def test_both_sides_of_a_hedged_account_are_told_apart(bot, link) -> None:
    sides = [
        {"symbol": BTC, "quantity": "1", "position_side": "long"},
        {"symbol": BTC, "quantity": "-1", "position_side": "short"},
    ]

    assert bot.put(named("positions"), {"positions": sides}).status_code == 200
    assert held(link) == {(BTC, "long"): 1, (BTC, "short"): -1}


@pytest.mark.parametrize(
    ("positions", "status", "field"),
    [
        ([{"symbol": ETH, "quantity": "x"}], 400, "positions.0.quantity"),
        ([{"symbol": ETH}], 400, "positions.0.quantity"),
        ([{"symbol": ETH, "quantity": "1", "size": "1"}], 400, "positions.0.size"),
        ([{"symbol": ETH, "quantity": "1"}, {"symbol": ETH, "quantity": "2"}], 400,
         "positions.1.symbol"),
        ([{"symbol": ETH, "quantity": "1"}, {"symbol": "NO/USDT", "quantity": "2"}], 422,
         "positions.1.symbol"),
        ([{"symbol": BTC, "quantity": "1", "position_side": "short"}], 400, "positions.0.quantity"),
        ([{"symbol": BTC, "quantity": "1"}, {"symbol": ETH, "quantity": "1", "entry_price": "-2"}],
         400, "positions.1.entry_price"),
        ("flat", 400, "positions"),
        ([{"symbol": ETH, "quantity": "1"}] * 501, 400, "positions"),
    ],
)  # fmt: skip
def test_a_wrong_list_changes_nothing(bot, link, positions: Any, status: int, field: str) -> None:
    make_position(link, "3", BTC)

    answer = problem(bot.put(named("positions"), {"positions": positions}), status)

    assert answer["errors"][0]["field"] == field
    assert held(link) == {(BTC, "both"): 3}


def test_a_position_on_the_wrong_side_names_its_quantity(bot, link) -> None:
    wrong = {"symbol": BTC, "quantity": "-1", "position_side": "long", "entry_price": "-2"}

    answer = problem(bot.put(named("positions"), wrong), 400)

    assert sorted(each["field"] for each in answer["errors"]) == ["entry_price", "quantity"]


def test_a_list_beside_other_fields_is_refused(bot, link) -> None:
    answer = bot.put(named("positions"), {"positions": [], "symbol": BTC})

    assert problem(answer, 400)["errors"][0]["field"] == "symbol"

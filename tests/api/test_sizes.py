"""Sizing over the API: the same answer as the service's, quickly, and refusals with their field."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.domain.sizing.prices import MarketPrice
from capital.exchange.contract import Quoted
from capital.models import Position, Reservation, StrategyAccount
from capital.services.markets.prices import Price, PriceSource
from capital.services.sizing.orders import OrderRequest, size_orders
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_link, make_market, make_position, make_strategy

pytestmark = pytest.mark.django_db

SYMBOL = "BTC/USDT:USDT"
ORDER = {"symbol": SYMBOL, "side": "buy", "qty_per": "100", "price": "61234.5"}


@pytest.fixture
def bot() -> Bot:
    return Bot(scope="size")


@pytest.fixture
def link(bot: Bot) -> StrategyAccount:
    make_market(symbol=SYMBOL, contract_size=Decimal("0.01"), amount_precision=Decimal(1))
    account = make_account(owner=bot.user, fee_rate=Decimal("0.0005"), utilisation=Decimal("0.95"))
    return make_link(account=account, market_type="futures", capital="5000", leverage=Decimal(3))


def test_answer_is_the_services_own(bot: Bot, link: StrategyAccount) -> None:
    answer = bot.post(f"strategy-accounts/{link.pk}/size/", ORDER)

    assert answer.status_code == 200, answer.content
    assert answer.json()["contracts"] == "23"
    assert answer.json()["quantity"] == "0.23"
    order = OrderRequest(symbol=SYMBOL, side="buy", qty_per=Decimal(100), price=Decimal("61234.5"))
    assert answer.json() == size_orders([link.pk], [order])[0].as_json()


def test_numbers_may_be_numbers_and_are_exact(bot: Bot, link: StrategyAccount) -> None:
    written = bot.post(f"strategy-accounts/{link.pk}/size/", ORDER)
    numbers = bot.post(
        f"strategy-accounts/{link.pk}/size/", {**ORDER, "qty_per": 100, "price": 61234.5}
    )

    assert written.json() == numbers.json()


def test_strategy_has_one_answer_for_each_of_my_accounts(bot: Bot, link: StrategyAccount) -> None:
    second = make_link(account=make_account(owner=bot.user), strategy=link.strategy, capital="100")
    make_link(strategy=link.strategy, account=make_account(), capital="9")
    make_link(account=second.account, market_type="futures", capital="9")
    link.strategy.owner = bot.user
    link.strategy.save()

    sizes = bot.post(f"strategies/{link.strategy.key}/size/", ORDER).json()["sizes"]

    assert [size["account"] for size in sizes] == [link.account.name, second.account.name]
    assert [size["contracts"] for size in sizes] == ["23", "0"]


def test_strategy_without_accounts_has_no_answers(bot: Bot) -> None:
    strategy = make_strategy(owner=bot.user)

    assert bot.post(f"strategies/{strategy.key}/size/", ORDER).json() == {"sizes": []}


def test_refusal_on_one_account_is_an_answer_of_the_strategy(
    bot: Bot, link: StrategyAccount
) -> None:
    body = {**ORDER, "symbol": "DOGE/USDT:USDT"}

    size = bot.post(f"strategies/{link.strategy.key}/size/", body).json()["sizes"][0]
    refused = problem(bot.post(f"strategy-accounts/{link.pk}/size/", body), 422)

    assert (size["quantity"], size["code"]) == ("0", "unknown_symbol")
    assert (refused["code"], refused["errors"][0]["field"]) == ("unknown_symbol", "symbol")


def test_close_that_makes_no_sense_on_one_account_is_sized_on_the_others(
    bot: Bot, link: StrategyAccount
) -> None:
    hedged = make_link(account=make_account(owner=bot.user), strategy=link.strategy)
    link.strategy.owner = bot.user
    link.strategy.save()
    make_position(link, "0.1", SYMBOL)
    for side, quantity in (("long", "0.2"), ("short", "-0.2")):
        Position.objects.create(
            strategy_account=hedged, symbol=SYMBOL, position_side=side, quantity=Decimal(quantity)
        )
    close = {"symbol": SYMBOL, "side": "sell", "qty_per": "-100"}
    path = f"strategies/{link.strategy.key}/size/"

    answer = bot.post(path, close)

    assert answer.status_code == 200, answer.content
    assert [(size["code"], size["quantity"]) for size in answer.json()["sizes"]] == [
        ("sized", "0.10"),
        ("close_side_missing", "0"),
    ]
    # Where it makes none on any account, the request is wrong.
    alone = Bot(bot.user, scope="size", account=hedged.account)
    assert problem(alone.post(path, close), 400)["code"] == "close_side_missing"


@pytest.mark.parametrize("stop_price", ["99", "101"])
def test_what_is_held_on_one_account_is_answered_though_the_order_makes_no_sense_on_another(
    bot: Bot, link: StrategyAccount, monkeypatch: pytest.MonkeyPatch, stop_price: str
) -> None:
    permit(bot.user, "capital.report_position")
    second = make_account(owner=bot.user, venue="bybit")
    make_market(symbol=SYMBOL, venue="bybit", contract_size=Decimal(1))
    make_link(account=second, strategy=link.strategy, capital="5000")
    link.strategy.owner = bot.user
    link.strategy.save()
    lasts = {"binance": Decimal(98), "bybit": Decimal(100)}

    def prices(wanted: Sequence[Quoted], **_: Any) -> dict[Quoted, Price]:
        return {each: Price(MarketPrice(lasts[each.venue]), PriceSource.TICKER) for each in wanted}

    monkeypatch.setattr("capital.services.sizing.reserving.last_prices", prices)
    order = {"symbol": SYMBOL, "side": "buy", "risk_per": "1", "stop_price": stop_price}

    answer = bot.post(f"strategies/{link.strategy.key}/size/", {**order, "reserve": True})

    if stop_price == "101":
        assert problem(answer, 400)["errors"][0]["field"] == "stop_price"
        assert not Reservation.objects.exists()
        return
    assert answer.status_code == 200, answer.content
    below, above = answer.json()["sizes"]
    assert (below["code"], below["reservation"]) == ("stop_on_wrong_side", None)
    assert (above["code"], above["reservation"]["id"]) == ("sized", Reservation.objects.get().pk)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"side": "up"}, "side"),
        ({"side": 1}, "side"),
        ({"symbol": ""}, "symbol"),
        ({"symbol": None}, "symbol"),
        ({"symbol": "B" * 65}, "symbol"),
        ({"order_type": "ICEBERG"}, "order_type"),
        ({"qty_per": "0"}, "qty_per"),
        ({"qty_per": "lots"}, "qty_per"),
        ({"qty_per": True}, "qty_per"),
        ({"qty_per": None}, "qty_per"),
        ({"qty_per": {"a": 1}}, "qty_per"),
        ({"price": "-1"}, "price"),
        ({"price": "1e400"}, "price"),
        ({"leverage": "0"}, "leverage"),
        ({"levrage": "3"}, "levrage"),
    ],
)
def test_order_that_makes_no_sense_is_refused_on_either_address(
    bot: Bot, link: StrategyAccount, change: Any, field: str
) -> None:
    for path in (f"strategy-accounts/{link.pk}/size/", f"strategies/{link.strategy.key}/size/"):
        body = problem(bot.post(path, {**ORDER, **change}), 400)
        assert body["errors"][0]["field"] == field


def test_budget_above_the_limit_is_a_422(bot: Bot, link: StrategyAccount) -> None:
    body = problem(bot.post(f"strategy-accounts/{link.pk}/size/", {**ORDER, "qty_per": "101"}), 422)

    assert body["code"] == "budget_above_limit"


def test_size_costs_two_queries_once_the_token_is_kept_and_one_more_for_what_is_held(
    bot: Bot, link: StrategyAccount
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bot.post(f"strategy-accounts/{link.pk}/size/", ORDER).status_code == 200
        return len(captured)

    first, before = queries(), queries()
    for number in range(10):
        make_position(link, "1", f"COIN{number}/USDT:USDT")

    assert (first, before, queries()) == (3, 2, 3)


@pytest.mark.parametrize("change", [{}, {"side": "up"}, {"reserve": True}, {"levrage": "3"}])
def test_link_that_the_bot_does_not_see_is_not_found_whatever_is_asked_of_it(
    bot: Bot, link: StrategyAccount, change: Any
) -> None:
    others = make_link(account=make_account(), market_type="futures", capital="5000")
    limited = Bot(bot.user, account=make_account(owner=bot.user))

    for who, asked in ((bot, others.pk), (bot, others.pk + 1000), (limited, link.pk)):
        problem(who.post(f"strategy-accounts/{asked}/size/", {**ORDER, **change}), 404)


def test_what_to_send_is_in_the_answer(bot: Bot, exchange: Any) -> None:
    make_market(
        symbol="BTC/USD:BTC",
        venue="deribit",
        market_id="BTC-PERPETUAL",
        contract_size=Decimal(10),
        amount_precision=Decimal(10),
    )
    account = make_account(owner=bot.user, venue="deribit", currency="BTC")
    inverse = make_link(account=account, market_type="futures", capital="0.01")

    answer = bot.post(
        f"strategy-accounts/{inverse.pk}/size/",
        {"symbol": "BTC/USD:BTC", "side": "buy", "qty_per": "100"},
    ).json()

    assert (answer["amount"], answer["contracts"]) == ("610", "61")


def test_a_price_far_off_the_market_s_is_refused_with_both_figures(
    bot: Bot, exchange: Any, link: StrategyAccount
) -> None:
    answer = bot.post(f"strategy-accounts/{link.pk}/size/", {**ORDER, "price": "100"})

    told = problem(answer, 422)
    assert told["code"] == "price_deviates"
    assert "100" in told["detail"]
    assert "61,234.5" in told["detail"]
    assert [each["field"] for each in told["errors"]] == ["price"]


def test_dust_is_reported_and_listed_as_such(bot: Bot, link: StrategyAccount) -> None:
    path = f"strategy-accounts/{link.pk}/positions/"
    bot.user.user_permissions.add(Permission.objects.get(codename="report_position"))

    whole = bot.put(path, {"symbol": SYMBOL, "quantity": "0.01"}).json()
    dust = bot.put(path, {"symbol": SYMBOL, "quantity": "0.005"}).json()

    assert (whole["dust"], dust["dust"]) == (False, True)
    assert [row["dust"] for row in bot.get("positions/").json()["results"]] == [True]
    assert bot.get(f"positions/{dust['id']}/").json()["dust"] is True

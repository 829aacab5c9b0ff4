"""Sizing over the API: the same answer as the service's, quickly, and refusals with their field."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from capital.models import StrategyAccount
from capital.services.sizing.orders import OrderRequest, size_orders
from tests.api.client import Bot, problem
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

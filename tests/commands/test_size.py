"""``size`` and ``sync_markets``: the service's answers, for people and for programs."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone, translation

from capital.domain.sizing.quantities import Bound
from capital.management.commands.size import bound_names
from capital.models import Market, StrategyAccount
from capital.services.accounts.links import find_link_ids
from capital.services.sizing.orders import size_orders
from strategies.models import Strategy
from tests.commands.running import run
from tests.domain.sizing.builders import order
from tests.factories import make_account, make_link, make_market, make_position, make_strategy

pytestmark = pytest.mark.django_db


def refusal(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        call_command(*arguments, stdout=StringIO())
    return refused.value.returncode, str(refused.value)


@pytest.fixture
def desk():
    """One spot strategy on two accounts, and the market that it trades."""
    make_market(fetched_at=timezone.now())
    strategy = make_strategy(key="grid")
    for name, capital in (("Main", "1000"), ("Second", "50")):
        account = make_account(name=name, owner=strategy.owner)
        make_link(account=account, strategy=strategy, capital=capital)


GRID = ("size", "grid", "--symbol", "BTC/USDT", "--side", "buy")


def test_it_is_the_service_s_answer(desk):
    code, text = run(*GRID, "--qty-per", "50", "--price", "61234.5", "--json")

    expected = size_orders(find_link_ids("grid"), [order(qty_per="50", price="61234.5")])
    assert code == 0
    assert json.loads(text) == {"orders": [answer.as_json() for answer in expected]}
    assert [answer["quantity"] for answer in json.loads(text)["orders"]] == ["0.00816", "0.00040"]


def test_accounts_can_be_named(desk):
    _, text = run(*GRID, "--account", "Second", "--qty-per", "50", "--price", "100", "--json")

    assert [answer["account"] for answer in json.loads(text)["orders"]] == ["Second"]


def test_every_option_reaches_the_service(desk):
    _, text = run(
        *GRID,
        *("--account", "Main", "--order-type", "LIMIT", "--risk-per", "1", "--qty", "3"),
        *("--price", "100", "--stop-price", "95", "--json"),
    )

    (answer,) = json.loads(text)["orders"]
    (expected, _) = size_orders(
        find_link_ids("grid"),
        [order(order_type="LIMIT", risk_per="1", qty="3", price="100", stop_price="95")],
    )
    assert answer == expected.as_json()
    assert (answer["bound_by"], answer["quantity"], answer["amount"]) == (
        "risk",
        "2.00000",
        "2.00000",
    )
    # No exchange is reached here.
    assert [warning["code"] for warning in answer["warnings"]] == [
        "qty_ignored",
        "price_not_compared",
    ]


def test_people_read_it_line_by_line(desk, exchange):
    code, text = run(*GRID, "--account", "Main", "--qty-per", "50", "--price", "61234.5")

    assert code == 0
    for words in (
        "grid @ Main: buy BTC/USDT",
        "Capital",
        "1,000",
        "Budget",
        "500",
        "Step",
        "0.00001",
        "0.00816",
        "Limited by the budget.",
    ):
        assert words in text
    lines = text.splitlines()
    rows = [line.split("│")[1].strip() for line in lines if "│" in line]
    assert rows == [
        "Capital",
        "Price",
        "Budget",
        "Leverage",
        "Raw quantity",
        "Step",
        "Order value",
        "Margin",
        "Fee",
        "Quantity",
    ]


def test_people_read_it_in_their_language(desk):
    with translation.override("ko"):
        _, text = run(*GRID, "--account", "Main", "--qty-per", "50", "--price", "61234.5")

    assert "예산 안에서 가능한 최대 수량입니다." in text


@pytest.mark.parametrize("unit", ["margin", "notional"])
def test_people_are_shown_the_size_of_a_stake(desk, unit):
    code, text = run(
        *(*GRID, "--account", "Main", "--stake", "100", "--stake-of", unit, "--price", "100")
    )

    assert code == 0
    assert "1.00000" in text
    assert "As requested." in text


def test_whatever_determined_a_size_is_said():
    limits_missed = {Bound.CAPITAL, Bound.STEP, Bound.MIN_AMOUNT, Bound.MIN_COST}

    assert {each.value for each in set(Bound) - limits_missed} == bound_names().keys()


def test_a_close_says_that_it_is_reduce_only(desk):
    make_position(StrategyAccount.objects.get(account__name="Main"), "0.5")

    _, text = run(
        *("size", "grid", "--account", "Main", "--symbol", "BTC/USDT", "--side", "sell"),
        *("--qty-per", "-100", "--price", "100"),
    )

    assert "Part of the open position. Send it as reduce-only." in text


def test_too_small_is_an_answer_and_exits_0(desk):
    Market.objects.update(min_cost=10_000)

    code, text = run(*GRID, "--account", "Main", "--qty-per", "50", "--price", "100")

    assert code == 0
    assert "The order value of 500.00 USDT is less than the minimum of 10,000.00 USDT." in text


def test_a_refused_account_exits_1_and_leaves_the_others(desk):
    Market.objects.update(venue="okx")
    okx = make_account(name="OKX", venue="okx")
    make_link(account=okx, strategy=Strategy.objects.get(), capital="100")

    code, text = run(*GRID, "--qty-per", "50", "--price", "100", "--json")

    assert code == 1
    assert [answer["code"] for answer in json.loads(text)["orders"]] == [
        "markets_not_synced",
        "markets_not_synced",
        "sized",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*GRID,), "The order has no quantity"),
        ((*GRID, "--qty-per", "abc"), "--qty-per: 'abc' is not a valid amount"),
        ((*GRID, "--qty-per", "1e999999"), "--qty-per: '1e999999' is not a valid amount"),
        ((*GRID, "--qty", "NaN"), "--qty: 'NaN' is not a valid amount"),
        ((*GRID, "--qty", "1", "--price", "-1"), "price is -1; it must be above zero."),
        ((*GRID, "--risk-per", "1"), "needs a stop-loss. Give its price as stop_price"),
        ((*GRID, "--qty", "1", "--account", "Nowhere"), "Nowhere"),
        (("size", "nope", *GRID[2:], "--qty", "1"), "There is no strategy 'nope'"),
        (
            (*GRID, "--qty", "1", "--expires-in", "60"),
            "--expires-in: Only for an order whose capital is reserved.",
        ),
        (
            (*GRID, "--qty", "1", "--client-order-id", "mine"),
            "--client-order-id: Only for an order whose capital is reserved.",
        ),
        (
            (*GRID, "--qty", "1", "--reserve", "--client-order-id", "x" * 101),
            "--client-order-id: Must be a string of at most 100 printable characters.",
        ),
        (
            (*GRID, "--qty", "1", "--reserve", "--client-order-id", "two\nlines"),
            "--client-order-id: Must be a string of at most 100 printable characters.",
        ),
    ],
)
def test_bad_arguments_exit_2_and_say_what_is_wrong(desk, arguments, says):
    code, text = refusal(*arguments)

    assert code == 2
    assert says in text


def test_an_account_that_the_strategy_is_not_on_is_refused(desk):
    make_account(name="Elsewhere")

    code, text = refusal(*GRID, "--account", "Main", "Elsewhere", "--qty", "1")

    assert code == 2
    assert "on Main, Elsewhere" in text


# sync_markets


def test_rules_are_fetched_and_counted(exchange):
    code, text = run("sync_markets", "--venue", "okx", "--json")

    assert code == 0
    assert json.loads(text) == {
        "venues": [
            {
                "venue": "okx",
                "added": 5,
                "changed": 0,
                "unchanged": 0,
                "withdrawn": 0,
                "unusable": 0,
                "code": None,
                "reason": None,
            }
        ]
    }
    assert Market.objects.count() == 5


def test_changed_contracts_are_shown_and_accepted_by_name(exchange):
    run("sync_markets", "--venue", "okx")
    Market.objects.filter(symbol="BTC/USDT:USDT").update(contract_size="0.1")

    _, text = run("sync_markets", "--venue", "okx", "--json")
    assert json.loads(text)["venues"][0]["suspect"] == 1
    assert "To accept" in run("sync_markets", "--venue", "okx")[1]
    code, text = run("sync_markets", "--accept", "okx", "BTC/USDT:USDT")

    assert code == 0
    assert "Accepted the changed rules of BTC/USDT:USDT on okx: contract size 0.1 → 0.01." in text
    assert Market.objects.get(symbol="BTC/USDT:USDT").contract_size == Decimal("0.01")
    code, text = refusal("sync_markets", "--accept", "okx", "BTC/USDT:USDT")
    assert (code, text) == (2, "No changed rules of BTC/USDT:USDT on okx wait to be accepted.")


def test_an_acceptance_is_one_json_object(exchange):
    run("sync_markets", "--venue", "okx")
    Market.objects.filter(symbol="BTC/USDT:USDT").update(contract_size="0.1")
    run("sync_markets", "--venue", "okx")

    _, text = run("sync_markets", "--accept", "okx", "BTC/USDT:USDT", "--json")

    assert json.loads(text) == {
        "venue": "okx",
        "symbol": "BTC/USDT:USDT",
        "change": "contract_size 0.1 → 0.01",
    }


def test_people_are_shown_what_to_send(exchange):
    make_market(
        "BTC/USD:BTC",
        venue="deribit",
        market_id="BTC-PERPETUAL",
        contract_size=10,
        amount_precision=10,
    )
    account = make_account(venue="deribit", currency="BTC")
    strategy = make_strategy(key="inverse", market_type="futures", owner=account.owner)
    make_link(account=account, strategy=strategy, capital="0.01")

    _, text = run(
        *("size", "inverse", "--symbol", "BTC/USD:BTC", "--side", "buy", "--qty-per", "100")
    )

    rows = {
        cells[1].strip(): cells[2].strip()
        for line in text.splitlines()
        if len(cells := line.split("│")) > 2
    }
    assert (rows["Contracts"], rows["Amount to send"]) == ("61", "610")


def test_a_failing_venue_exits_1_and_says_why(exchange):
    exchange.server.market_place.fail("server_error")

    code, text = run("sync_markets", "--venue", "okx", "upbit")

    assert code == 1
    assert text.count("or it is having problems") == 2


def test_an_unknown_venue_exits_2(exchange):
    assert refusal("sync_markets", "--venue", "ftx")[0] == 2


def test_nothing_to_fetch_says_so(exchange):
    assert run("sync_markets") == (0, "No active accounts.\n")


def test_money_and_a_leverage_can_be_given():
    make_market("BTC/USDT:USDT", fetched_at=timezone.now())
    make_link(
        strategy=make_strategy(key="grid", market_type="futures"),
        market_type="futures",
        capital="1000",
        leverage="5",
    )
    asked = ("size", "grid", "--symbol", "BTC/USDT:USDT", "--side", "buy", "--price", "60000")

    def sized(*more: str) -> tuple[str, str, str]:
        _, text = run(*asked, *more, "--json")
        (answer,) = json.loads(text)["orders"]
        return answer["quantity"], answer["leverage"], answer["notional"]

    assert sized("--stake", "300") == ("0.02500", "5", "1500")
    assert sized("--stake", "300", "--leverage", "2") == ("0.01000", "2", "600")
    assert sized("--stake", "300", "--stake-of", "notional") == ("0.00500", "5", "300")
    code, text = refusal(*asked, "--qty", "1", "--stake-of", "notional")
    assert (code, "stake" in text) == (2, True)

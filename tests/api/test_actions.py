"""Allocations, balances, the gate and positions over the API."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from capital.models import AccountAccess, AllocationRun, Position, StrategyCapital
from tests.api.client import Bot, permit, problem
from tests.factories import make_account, make_link, make_market, make_summary, make_user
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

ALLOCATE = "capital.allocate_capital"


@pytest.fixture
def bot() -> Bot:
    return Bot(permit(make_user(), ALLOCATE), scope="allocate")


def test_allocation_gives_each_strategy_its_pool_and_says_why(bot: Bot, exchange: Exchange) -> None:
    account = exchange.open_account(
        owner=bot.user,
        wallets={"spot": {"USDT": "10369"}, "futures": {"USDT": "5000"}},
    )
    make_link(account=account, market_type="spot")
    link = make_link(account=account, market_type="futures")

    answer = bot.post(f"accounts/{account.pk}/allocate/")

    assert answer.status_code == 200, answer.content
    run = answer.json()
    assert (run["outcome"], run["trigger"], run["actor"]) == (
        "applied",
        "api",
        bot.user.get_username(),
    )
    futures = run["pools"][1]
    assert futures["pool"] == "futures"
    assert futures["entries"] == [
        {
            "strategy": link.strategy.key,
            "weight": "1",
            "before": None,
            "after": "5000.00",
            "code": "share",
            "how": "(5,000.00 − 0.00 reserve) × 1 of 1 = 5,000.00",
        }
    ]
    assert StrategyCapital.objects.get(strategy_account=link).allocated_capital == 5000
    assert bot.get(f"allocation-runs/{run['id']}/").json() == run
    assert bot.get("allocation-runs/?outcome=applied").json()["results"] == [run]


def test_dry_run_writes_nothing(bot: Bot) -> None:
    account = make_account(owner=bot.user)
    make_summary(account=account, spot_balance=Decimal(100))
    make_link(account=account)

    run = bot.post(f"accounts/{account.pk}/allocate/", {"dry_run": True, "cached": True}).json()

    assert (run["id"], run["run_key"]) == (None, None)
    assert run["pools"][0]["entries"][0]["after"] == "100.00"
    assert not AllocationRun.objects.exists()
    assert not StrategyCapital.objects.exists()


def test_all_of_mine_are_allocated_and_nobody_elses(bot: Bot) -> None:
    mine = make_link(account=make_account(owner=bot.user))
    theirs, shared = make_link(), make_link()
    AccountAccess.objects.create(account=shared.account, user=bot.user, role="operator")
    make_account(owner=bot.user, is_active=False)
    for link in (mine, theirs, shared):
        make_summary(account=link.account, spot_balance=Decimal(100))

    runs = bot.post("allocate/", {"cached": True}).json()["runs"]

    assert [run["account"] for run in runs] == [mine.account_id]
    assert AllocationRun.objects.count() == 1


def test_token_of_one_account_allocates_that_one(bot: Bot) -> None:
    first, second = (make_link(account=make_account(owner=bot.user)) for _ in range(2))
    narrow = Bot(bot.user, scope="allocate", account=first.account)

    runs = narrow.post("allocate/", {"cached": True}).json()["runs"]

    assert [run["account"] for run in runs] == [first.account_id]
    problem(narrow.post(f"accounts/{second.account_id}/allocate/", {"cached": True}), 404)


@pytest.mark.parametrize(
    ("body", "permission"),
    [({"force": True}, "capital.force_allocate"), ({"accept_jump": True}, "capital.accept_jump")],
)
def test_going_past_the_guards_takes_a_permission(bot: Bot, body: Any, permission: str) -> None:
    account = make_account(owner=bot.user)

    assert permission in problem(bot.post(f"accounts/{account.pk}/allocate/", body), 403)["detail"]


def test_allocation_takes_its_permission() -> None:
    bot = Bot(scope="allocate")
    account = make_account(owner=bot.user)

    assert ALLOCATE in problem(bot.post(f"accounts/{account.pk}/allocate/"), 403)["detail"]


def test_nothing_to_accept_is_a_conflict(bot: Bot) -> None:
    account = make_account(owner=permit(bot.user, "capital.accept_jump"))
    body = problem(bot.post(f"accounts/{account.pk}/allocate/", {"accept_jump": True}), 409)

    assert body["code"] == "nothing_to_accept"


def test_live_balances_are_unrounded_and_a_failure_is_a_reason(
    bot: Bot, exchange: Exchange
) -> None:
    account = exchange.open_account(
        owner=bot.user, wallets={"spot": {"USDT": "10369.123456"}, "futures": {"USDT": "5000"}}
    )
    exchange.fail(account, "server_error", "futures")

    answer = bot.get(f"accounts/{account.pk}/balances/").json()

    spot, futures = answer["pools"]
    assert spot["amount"] == "10369.123456"
    assert (futures["amount"], futures["code"]) == (None, "exchange_unreachable")
    assert "CANARY" not in str(answer)


def test_gate_says_whether_it_is_due_and_writes_nothing(bot: Bot) -> None:
    account = make_account(owner=bot.user)
    make_summary(account=account, spot_balance=Decimal(100))
    link = make_link(account=account)
    path = f"accounts/{account.pk}/rebalance-status/?cached=true"

    first = bot.get(path).json()
    bot.post(f"accounts/{account.pk}/allocate/", {"cached": True})
    second = bot.get(path).json()
    Position.objects.create(strategy_account=link, symbol="BTC/USDT", quantity=Decimal(1))
    third = bot.get(path).json()

    assert (first["due"], first["code"]) == (True, "never_allocated")
    assert (second["due"], second["code"]) == (False, "change_too_small")
    assert (third["due"], third["is_held"], third["code"]) == (False, True, "open_position")
    assert AllocationRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_bot_reports_a_position_and_closing_it_asks_for_a_reallocation() -> None:
    bot = Bot(permit(make_user(), "capital.report_position"), scope="size")
    link = make_link(account=make_account(owner=bot.user))
    OrmQ.objects.all().delete()
    path = f"strategy-accounts/{link.pk}/positions/"

    opened = bot.put(path, {"symbol": "BTC/USDT", "quantity": "-0.5", "entry_price": "61234.5"})
    queued_by_opening = OrmQ.objects.count()
    closed = bot.put(path, {"symbol": "BTC/USDT", "quantity": "0"})

    assert opened.status_code == 200, opened.content
    assert (opened.json()["quantity"], opened.json()["entry_price"]) == ("-0.5", "61234.5")
    assert (closed.json()["id"], closed.json()["quantity"]) == (opened.json()["id"], "0")
    assert (queued_by_opening, OrmQ.objects.count()) == (0, 1)
    assert bot.get("positions/?is_open=true").json()["results"] == []
    assert len(bot.get(f"positions/?strategy={link.strategy.key}").json()["results"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"symbol": "", "quantity": "1"},
        {"symbol": "BTC/USDT", "quantity": "1", "entry_price": "0"},
        {"symbol": "BTC/USDT", "quantity": "1e30"},
        {"symbol": "BTC/USDT", "quantity": "0.0000000000000000001"},
        {"symbol": "BTC/USDT"},
        {"symbol": "BTC/USDT", "quantity": True},
        {"symbol": "B" * 65, "quantity": "1"},
        {"symbol": "BTC/USDT", "quantity": "1", "side": "buy"},
        [],
        "text",
        None,
    ],
)
def test_position_that_makes_no_sense_is_refused(body: Any) -> None:
    bot = Bot(permit(make_user(), "capital.report_position"), scope="size")
    link = make_link(account=make_account(owner=bot.user))

    problem(bot.put(f"strategy-accounts/{link.pk}/positions/", body), 400)
    assert not Position.objects.exists()


def test_capital_is_listed_in_a_constant_number_of_queries(bot: Bot) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert bot.get("capital/").status_code == 200
        return len(captured)

    account = make_account(owner=bot.user)
    link = make_link(account=account, capital="5000")
    # What is asked of the token itself is kept for two seconds.
    queries()
    one = queries()
    for _ in range(20):
        make_link(account=account, capital="1")

    assert queries() == one <= 6
    row = bot.get(f"capital/?strategy={link.strategy.key}").json()["results"][0]
    assert row["allocated_capital"] == "5000.00"
    assert row["strategy_account"] == link.pk
    assert bot.get(f"capital/{row['id']}/?fields=allocated_capital").json() == {
        "allocated_capital": "5000.00"
    }


@pytest.mark.usefixtures("seoul")
@pytest.mark.parametrize("query", ["", "?ordering=-id"])
def test_capital_is_one_row_for_each_link_wherever_it_is_read(bot: Bot, query: str) -> None:
    account = make_account(owner=bot.user, name="Main", currency="KRW", venue="upbit")
    link = make_link(account=account, capital="5000")
    StrategyCapital.objects.update(
        current_pnl="-1.5", allocated_at=datetime(2026, 11, 24, tzinfo=UTC)
    )
    row = {
        "id": link.capital.pk,
        "strategy_account": link.pk,
        "strategy": link.strategy.key,
        "account": account.pk,
        "account_name": "Main",
        "market_type": "spot",
        "currency": "KRW",
        "allocated_capital": "5000",
        "current_pnl": "-1.5",
        "allocated_at": "2026-11-24T09:00:00+09:00",
    }

    listed = bot.get(f"capital/{query}").json()["results"]

    assert listed == [row] == [bot.get(f"capital/{link.capital.pk}/").json()]
    assert list(listed[0]) == list(row)


def test_runs_are_listed_in_a_constant_number_of_queries(bot: Bot) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert bot.get("allocation-runs/").status_code == 200
        return len(captured)

    account = make_account(owner=bot.user)
    make_summary(account=account, spot_balance=Decimal(100))
    make_link(account=account)
    bot.post(f"accounts/{account.pk}/allocate/", {"cached": True})
    # What is asked of the token itself is kept for two seconds.
    queries()
    one = queries()
    for number in range(2, 6):
        make_link(account=account)
        bot.post(f"accounts/{account.pk}/allocate/", {"cached": True})
        assert AllocationRun.objects.count() == number

    assert queries() == one


def test_position_in_a_symbol_that_the_exchange_does_not_have_names_the_field() -> None:
    link = make_link()
    make_market("BTC/USDT")
    path = f"strategy-accounts/{link.pk}/positions/"

    link.account.owner.user_permissions.add(Permission.objects.get(codename="report_position"))

    refused = Bot(link.account.owner).put(path, {"symbol": "DOGEUSDT", "quantity": "1"})

    told = problem(refused, 422)
    assert (told["code"], told["errors"][0]["field"]) == ("unknown_symbol", "symbol")

"""The demo desk, end to end, and the front page."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from capital.domain.performance.measures.periods import Period
from capital.models import (
    Account,
    DailyAccountSummary,
    Fill,
    Flow,
    LinkDay,
    PoolDay,
    Position,
    StrategyAccount,
    StrategyCapital,
)
from capital.services.audit.checks import audit_capital
from capital.services.performance import owner_statements, performance
from capital.services.trading import value_positions
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState
from capital.simulator.trading.demo import demo_steps, trade_demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def _demo_exchange(settings: Any) -> Iterator[None]:
    settings.DEBUG = True
    state, now = ExchangeState.from_json(DEMO_ACCOUNTS), timezone.localtime()
    trade_demo(state, now.replace(hour=0, minute=0, second=0, microsecond=0), now)
    with SimulatedExchange(state) as server:
        settings.CAPITAL_VENUE_URLS = server.venue_urls
        yield


def load(*options: str) -> str:
    stdout = StringIO()
    call_command("load_demo", *options, stdout=stdout)
    return stdout.getvalue()


def reallocate() -> dict[str, Any]:
    """Account to outcome."""
    stdout = StringIO()
    call_command("reallocate", "--json", stdout=stdout)
    return {run["account"]: run["outcome"] for run in json.loads(stdout.getvalue())["runs"]}


def capital_held() -> dict[tuple[str, str], Decimal]:
    rows = StrategyCapital.objects.select_related("strategy_account__strategy")
    return {
        (row.strategy_account.account.name, row.strategy_account.strategy.key): (
            row.allocated_capital
        )
        for row in rows.select_related("strategy_account__account")
    }


@pytest.mark.usefixtures("_demo_exchange")
def test_demo_desk_is_allocated_and_running_it_again_is_harmless() -> None:
    assert load().startswith("Demo data: added 6 accounts.")

    assert set(reallocate().values()) == {"applied"}
    held = capital_held()
    assert held == {
        ("Binance main", "btc-grid"): Decimal(10369),
        ("Binance main", "old-scalper"): Decimal(0),
        ("Binance main", "trend"): Decimal(3000),
        ("Binance main", "basis"): Decimal(2000),
        ("Bybit unified", "btc-grid"): Decimal("5625.03"),
        ("Bybit unified", "trend"): Decimal("11250.05"),
        ("Bybit unified", "basis"): Decimal("5625.02"),
        ("OKX unified", "trend"): Decimal("2780.84"),
        ("OKX unified", "basis"): Decimal("5561.67"),
        ("Upbit KRW", "krw-momentum"): Decimal(8230452),
        ("Upbit KRW", "btc-grid"): Decimal(4115226),
        ("Binance fallback", "btc-grid"): Decimal(3000),
        ("Binance fallback", "trend"): Decimal(2000),
        ("Bithumb KRW", "krw-momentum"): Decimal(4500000),
    }

    assert load().startswith("Demo data: already loaded.")
    assert set(reallocate().values()) == {"unchanged"}
    assert capital_held() == held


def test_demo_desk_is_refused_where_real_money_may_be(settings: Any) -> None:
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG=1") as refused:
        load()

    assert refused.value.returncode == 2
    assert not Account.objects.exists()


def test_front_page_says_where_things_are_in_both_languages(client: Client) -> None:
    english = client.get("/", headers={"accept-language": "en"}).content.decode()
    korean = client.get("/", headers={"accept-language": "ko"}).content.decode()

    assert "python manage.py reallocate" in english
    assert "How much capital each strategy has" in english
    assert "전략별 자본" in korean


@pytest.mark.usefixtures("_demo_exchange")
def test_demo_desk_has_a_month_and_a_day_that_lead_to_what_its_exchanges_say() -> None:
    load()

    for account in Account.objects.all():
        rows = list(account.summaries.order_by("date"))
        assert len(rows) == 31
        assert [row.starting_balance for row in rows[1:]] == [
            row.ending_balance for row in rows[:-1]
        ]
    yesterday = Account.objects.get(name="Binance fallback").summaries.order_by("-date")[0]
    assert yesterday.futures_balance == 2000

    reallocate()
    assert audit_capital().violations == []
    today = Account.objects.get(name="Binance main").summaries.order_by("-date")[0]
    assert today.ending_balance == Decimal(15369)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_demo_exchange")
def test_what_the_demo_desk_earned_is_what_its_balances_changed_by() -> None:
    """But for what came in, and for coins that somebody sold by hand; to the last cent."""
    now = timezone.localtime()
    load()
    steps = demo_steps(now.replace(hour=0, minute=0, second=0, microsecond=0), now)
    fills = [step for step in steps if "kind" not in step.told and step.strategy]

    closed = [step for step in fills if not step.is_left_open]
    assert load("--trades", "--closed") == f"Demo trades: recorded {len(closed)} fills.\n"
    assert not Position.objects.exclude(quantity=0).exists()
    left = len(fills) - len(closed)
    text = f"Demo trades: recorded {left} fill{'' if left == 1 else 's'}.\n"
    assert load("--trades") == text
    assert load("--trades") == "Demo trades: recorded 0 fills.\n"

    (by_hand,) = Fill.objects.filter(strategy_account=None)
    assert (by_hand.symbol, by_hand.source) == ("BTC/USDT", "venue")
    put_in: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    put_in[by_hand.account_id, timezone.localdate(by_hand.executed_at)] = Decimal("152.85")
    for flow in Flow.objects.filter(kind="deposit"):
        put_in[flow.account_id, timezone.localdate(flow.occurred_at)] = flow.amount
    first, today = timezone.localdate() - timedelta(days=30), timezone.localdate()
    days = DailyAccountSummary.objects.filter(date__gte=first, date__lt=today)
    for day in days.exclude(account__name="Binance fallback"):
        assert day.realized_pnl is not None
        earned = day.realized_pnl + put_in[day.account_id, day.date]
        assert day.ending_balance - day.starting_balance == earned
    assert {day.realized_pnl > 0 for day in days} == {True, False}
    assert audit_capital().violations == []
    pools = PoolDay.objects.exclude(unexplained=None)
    assert {day.date for day in pools} >= {first, today - timedelta(days=1)}
    assert {day.unexplained for day in pools if day.date < today} == {0}
    # Each link traded with capital that was decided before.
    assert all(day.equity_start + day.capital_added > 1000 for day in LinkDay.objects.all())
    report = performance(StrategyAccount.objects.all(), period=Period(None, today), by="account")
    returns = [row.measures.total_return for row in report.rows]
    assert len(returns) == 6
    # The script is thirty days long, and a month with today has one of them twice: a bad one, on
    # some dates, which is more than what an account with one bot earned in the others.
    assert all(Decimal("-0.02") < each < Decimal("0.1") for each in returns)
    assert sum(each > 0 for each in returns) >= 5
    for account in Account.objects.all():
        (statement,) = owner_statements(Account.objects.filter(pk=account.pk), month=today)
        assert abs(statement.amounts["unexplained"]) < Decimal("0.005"), account


@pytest.mark.usefixtures("_demo_exchange")
def test_the_demo_desk_has_an_open_position_that_is_marked() -> None:
    now = timezone.localtime()
    load()
    steps = demo_steps(now.replace(hour=0, minute=0, second=0, microsecond=0), now)
    # In the first minutes of a day it is not open yet.
    opened = [step for step in steps if step.is_left_open]

    load("--trades")

    positions = list(Position.objects.exclude(quantity=0).select_related("strategy_account"))
    value_positions(positions, now=timezone.now())
    assert [position.quantity for position in positions] == [Decimal("-0.5")] * len(opened)
    for position in positions:
        assert position.mark_price is not None
        assert position.unrealized_pnl == (3010 - position.mark_price) / 2


def test_demo_user_can_log_in_where_it_was_loaded(client: Client, settings: Any) -> None:
    settings.DEBUG = True
    stdout = StringIO()
    call_command("load_demo", "--show-login", stdout=stdout)

    assert stdout.getvalue().splitlines()[1] == (
        "Log in at /admin/ as demo with the password demo-desk."
    )
    client.post("/admin/login/", {"username": "demo", "password": "demo-desk"})
    assert client.get("/admin/").status_code == 200


def test_front_page_leads_to_the_desk(client: Client) -> None:
    assert 'href="/admin/"' in client.get("/").content.decode()

"""What fills and flows say has come or gone is no jump of a balance."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from capital.domain.pools import Pool
from capital.domain.sizing.orders import Side
from capital.models import Account, StrategyAccount
from capital.services.allocation import allocate_capital
from capital.services.balances import trails
from capital.services.trading import NewFill, moves_of, report_fills
from tests.factories import make_account, make_flow, make_link, make_market
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db
D = Decimal


def outcome(account: Account) -> tuple[str, str]:
    [run] = allocate_capital([account.pk])
    return run.outcome, run.code


def buy(link: StrategyAccount, price: str, **fields: Any) -> None:
    fill = NewFill(
        symbol=fields.pop("symbol", "BTC/USDT"),
        side=Side.BUY,
        quantity=D(1),
        price=D(price),
        executed_at=fields.pop("at", timezone.now()),
        venue_fill_id=f"{link.pk}-{price}",
        **fields,
    )
    report_fills(link.pk, [fill], actor=None)


@pytest.fixture
def spot(exchange: Exchange) -> tuple[Account, StrategyAccount]:
    make_market("BTC/USDT")
    account = exchange.open_account(
        wallets={"spot": {"USDT": "10000"}}, max_jump_percent=Decimal(50)
    )
    link = make_link(account=account)
    assert outcome(account) == ("applied", "allocated")
    return account, link


def test_a_purchase_of_nearly_everything_is_believed_where_its_fill_is_known(
    exchange: Exchange, spot: tuple[Account, StrategyAccount]
) -> None:
    account, link = spot
    exchange.set_balance(account, "spot", "100")
    assert outcome(account) == ("held", "jump_suspected")

    # Another account's purchase explains nothing of this one.
    buy(make_link(), "9900")
    assert outcome(account) == ("held", "jump_suspected")
    buy(link, "9900")

    assert outcome(account)[0] == "held", "the position that was bought holds its pool"
    account.refresh_from_db()
    assert account.suspect_readings == {}


def test_a_deposit_that_is_known_is_believed_and_more_than_that_is_not(
    exchange: Exchange, spot: tuple[Account, StrategyAccount]
) -> None:
    account, _ = spot
    exchange.set_balance(account, "spot", "60000")
    make_flow(account, pool="futures", amount=D(50_000))
    assert outcome(account) == ("held", "jump_suspected")
    make_flow(account, pool="spot", amount=D(50_000))
    assert outcome(account) == ("applied", "allocated")

    exchange.set_balance(account, "spot", "600000")
    assert outcome(account) == ("held", "jump_suspected")


def test_it_is_asked_only_of_what_seems_to_have_jumped(
    exchange: Exchange, spot: tuple[Account, StrategyAccount], monkeypatch: Any
) -> None:
    account, _ = spot

    def refuse(*args: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(trails, "_knowing", [refuse])
    exchange.set_balance(account, "spot", "9000")
    assert outcome(account) == ("applied", "allocated")
    exchange.set_balance(account, "spot", "1")
    [run] = allocate_capital([account.pk])
    assert run.outcome == "failed"


def test_only_what_moves_this_balance_counts() -> None:
    """Not what a contract costs, nor another pool's, nor what came before."""
    make_market("BTC/USDT")
    make_market("BTC/USDT:USDT")
    account = make_account()
    spot, futures = (make_link(account=account, market_type=each) for each in ("spot", "futures"))
    now = timezone.now()
    buy(spot, "100", at=now)
    buy(spot, "200", at=now - timedelta(hours=1))
    buy(futures, "300", symbol="BTC/USDT:USDT", at=now)
    make_flow(account, pool="spot", amount=D(7), occurred_at=now)
    make_flow(account, pool="spot", currency="EUR", amount=D(8), occurred_at=now)

    def moves(pool: Pool) -> list[Decimal]:
        found = moves_of({account.pk: account}, now - timedelta(minutes=1))[account.pk]
        return sorted(each.amount for each in found.get(pool, ()))

    assert moves(Pool.SPOT) == [D(-100), D(7)]
    assert moves(Pool.FUTURES) == []


def test_who_knows_of_moves_is_asked_once_however_often_it_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(trails, "_knowing", [])
    for _ in range(2):
        trails.ask_of_moves(moves_of)
    account = make_account()
    make_flow(account, pool="spot", amount=D(7))
    since = timezone.now() - timedelta(minutes=1)
    [moves] = trails.known_moves({account.pk: account}, since).values()
    assert {pool: [each.amount for each in found] for pool, found in moves.items()} == {
        Pool.SPOT: [D(7)]
    }

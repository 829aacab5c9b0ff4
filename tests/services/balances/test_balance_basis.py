"""Which number of the exchange's answer an account counts as its balance."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from capital.exchange.venues import VENUES
from capital.models import Account, DailyAccountSummary, StrategyCapital
from capital.services.allocation.allocate import allocate_capital, auto_allocate_capital_for_account
from tests.factories import make_account, make_link, make_summary
from tests.models.refusals import refused_by_database
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


def test_wallet_is_what_counts_unless_told_otherwise() -> None:
    assert make_account().balance_basis == "wallet"


@pytest.mark.parametrize(
    ("venue", "mode", "basis", "why", "can"),
    [
        (
            "binance",
            "unified",
            "free",
            "does not report it for this wallet",
            "wallet balance, equity",
        ),
        ("gate", "unified", "wallet", "include unrealised PnL", "equity, free balance"),
        (
            "kraken",
            "separate",
            "equity",
            "over all currencies of the wallet",
            "wallet balance, free balance",
        ),
        ("coinbase", "separate", "free", "a second time", "wallet balance, equity"),
        (
            "hyperliquid",
            "unified",
            "equity",
            "does not report it for this wallet",
            "wallet balance, free balance",
        ),
        (
            "phemex",
            "separate",
            "equity",
            "not in the list of tested exchanges",
            "wallet balance, free balance",
        ),
    ],
)
def test_basis_that_the_venue_cannot_give_is_refused_with_the_reason(
    venue: str, mode: str, basis: str, why: str, can: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        make_account(
            venue=venue, wallet_mode=mode, balance_basis=basis, currency=currency_of(venue)
        )

    (message,) = refused.value.message_dict["balance_basis"]
    name = {"wallet": "wallet balance", "equity": "equity", "free": "free balance"}[basis]
    assert message.startswith(f"The balance type “{name}” is not available on {venue}: ")
    assert why in message
    assert message.endswith(f"Supported balance types: {can}.")


def currency_of(venue: str) -> str:
    return VENUES[venue].currency if venue in VENUES else "USDT"


def test_unknown_basis_is_refused_by_the_database_too() -> None:
    account = make_account()

    with refused_by_database("account_balance_basis_known"):
        Account.objects.filter(pk=account.pk).update(balance_basis="total")


@pytest.mark.parametrize(
    ("basis", "capital"), [("wallet", "5000"), ("equity", "4600"), ("free", "3500")]
)
def test_capital_follows_from_the_basis(exchange: Exchange, basis: str, capital: str) -> None:
    account = exchange.open_account(
        wallets={"spot": {"USDT": "0"}, "futures": {"USDT": "5000"}}, balance_basis=basis
    )
    simulated = exchange.state.find(exchange.keys[account.pk])
    assert simulated is not None
    simulated.unrealised["futures"] = {"USDT": "-400"}
    simulated.in_use["futures"] = {"USDT": "1500"}
    link = make_link(account=account, market_type="futures")

    auto_allocate_capital_for_account(account.pk)

    assert StrategyCapital.objects.get(strategy_account=link).allocated_capital == Decimal(capital)


# What was read in another basis


def changed(account: Account, **fields: Any) -> Account:
    account.refresh_from_db()
    for name, value in fields.items():
        setattr(account, name, value)
    account.save()
    return account


def test_balance_in_another_basis_does_not_stand_in_for_a_live_one(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "100"}, "futures": {"USDT": "5"}})
    link = make_link(account=account, capital="77")
    make_summary(account=account, date=timezone.localdate(), spot_balance=Decimal(100))
    changed(account, balance_basis="free")
    exchange.fail(account, "unauthorized")

    allocate_capital([account.pk])

    # No live balance, and none that means the same: the capital stays as it is.
    assert StrategyCapital.objects.get(strategy_account=link).allocated_capital == Decimal(77)


def test_balance_in_another_basis_does_not_judge_a_live_one(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "10"}}, max_jump_percent=Decimal(50))
    link = make_link(account=account)
    make_summary(
        account=account,
        date=timezone.localdate(),
        spot_balance=Decimal(1000),
        spot_observed_at=timezone.now() - timedelta(minutes=5),
    )
    changed(account, balance_basis="equity")

    run = auto_allocate_capital_for_account(account.pk)

    assert run.outcome == "applied"
    assert StrategyCapital.objects.get(strategy_account=link).allocated_capital == Decimal(10)
    # History stays; the day's row now holds the new meaning.
    assert DailyAccountSummary.objects.get(account=account).spot_balance == Decimal(10)


def test_suspicion_in_another_basis_is_dropped(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}})
    stored = {"spot": {"amount": "1", "observed_at": timezone.now().isoformat(), "accepted": "9"}}
    Account.objects.filter(pk=account.pk).update(suspect_readings=stored)

    changed(account, balance_basis="equity")

    account.refresh_from_db()
    assert account.suspect_readings == {}
    assert account.readings_since is not None


@pytest.mark.parametrize("fields", [{"name": "Another"}, {"max_cache_age_hours": 1}])
def test_other_changes_leave_earlier_balances_alone(fields: dict[str, Any]) -> None:
    account = make_account()

    changed(account, **fields)

    account.refresh_from_db()
    assert account.readings_since is None


def test_another_wallet_mode_is_another_wallet(exchange: Exchange) -> None:
    account = exchange.open_account(venue="bitget", wallets={"spot": {"USDT": "1"}})

    changed(account, wallet_mode="unified")

    account.refresh_from_db()
    assert account.readings_since is not None


def test_play_money_never_stands_in_for_real_money(exchange: Exchange) -> None:
    account = exchange.open_account(
        venue="bybit", wallets={"unified": {"USDT": "100000"}}, is_sandbox=True
    )
    link = make_link(account=account)
    assert auto_allocate_capital_for_account(account.pk).outcome == "applied"

    changed(account, is_sandbox=False)
    exchange.fail(account, "server_error")
    StrategyCapital.objects.all().delete()
    run = auto_allocate_capital_for_account(account.pk)

    assert run.outcome != "applied"
    assert not StrategyCapital.objects.filter(strategy_account=link).exists()


# Venues without a row of their own


def test_venue_that_only_ccxt_knows_is_generic() -> None:
    account = make_account(venue="phemex")

    assert account.wallet_mode == "separate"


@pytest.mark.parametrize("venue", ["upbit", "bithumb"])
def test_won_venues_refuse_futures_strategies(venue: str) -> None:
    account = make_account(venue=venue, currency="KRW")

    with pytest.raises(ValidationError, match=f"{venue} does not offer futures trading"):
        make_link(account=account, market_type="futures")

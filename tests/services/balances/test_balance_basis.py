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
from capital.services.balances.connections import check_connection
from capital.services.balances.sync import sync_balances
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
        (
            "hyperliquid",
            "unified",
            "equity",
            "does not report it for this wallet",
            "wallet balance, free balance",
        ),
        (
            "blofin",
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


# A pool that cannot give the basis counts only if it is used


def coinbase_free(exchange: Exchange) -> Account:
    return exchange.open_account(
        venue="coinbase",
        wallets={"spot": {"USD": "1500"}, "futures": {"USD": "70"}},
        balance_basis="free",
    )


def test_spot_strategies_may_use_what_the_futures_wallet_cannot_give(exchange: Exchange) -> None:
    account = coinbase_free(exchange)
    simulated = exchange.state.find(exchange.keys[account.pk])
    assert simulated is not None
    simulated.in_use["spot"] = {"USD": "500"}
    link = make_link(account=account)

    run = auto_allocate_capital_for_account(account.pk)
    sync_balances([account.pk])

    assert run.outcome == "applied"
    assert StrategyCapital.objects.get(strategy_account=link).allocated_capital == Decimal(1000)
    account.refresh_from_db()
    # Nothing is wrong with the connection, and the day is whole.
    assert account.connection_code == ""
    summary = DailyAccountSummary.objects.get(account=account)
    assert (summary.spot_balance, summary.futures_balance) == (Decimal(1000), None)
    assert summary.ending_balance == Decimal(1000)
    assert {pool for _, pool in exchange.asked} == {"spot"}


def test_connection_is_sound_without_the_wallet_that_nobody_uses(exchange: Exchange) -> None:
    account = coinbase_free(exchange)

    report = check_connection(account.pk)

    assert report.sound
    assert [pool.pool.value for pool in report.pools] == ["spot"]


def test_futures_strategy_is_refused_where_its_wallet_cannot_give_the_basis(
    exchange: Exchange,
) -> None:
    account = coinbase_free(exchange)
    make_link(account=account)

    with pytest.raises(ValidationError, match="counts the spot balance a second time"):
        make_link(account=account, market_type="futures")

    # On an account with another basis, and switched off, it is none of its business.
    other = make_account(venue="coinbase", currency="USD")
    make_link(account=other, market_type="futures")
    off = make_link(account=account, market_type="futures", is_active=False)
    off.is_active = True
    with pytest.raises(ValidationError, match="counts the spot balance a second time"):
        off.save()


def test_basis_is_refused_once_a_wallet_in_use_cannot_give_it() -> None:
    account = make_account(venue="coinbase", currency="USD")
    futures = make_link(account=account, market_type="futures")
    make_link(account=account)
    make_link(account=make_account(venue="coinbase", currency="USD", name="Another"))

    with pytest.raises(ValidationError) as refused:
        changed(account, balance_basis="free")
    (message,) = refused.value.message_dict["balance_basis"]
    assert message.endswith("Supported balance types: wallet balance, equity.")

    futures.is_active = False
    futures.save()
    assert changed(account, balance_basis="free").balance_basis == "free"


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

"""What the account says of its connection after each sync."""

import pytest
from django.utils import timezone

from capital.domain.pools import Pool
from capital.exchange.politeness import FAILURES_TO_PAUSE
from capital.models import Account
from capital.services.balances.sync import sync_balances
from capital.services.overview import needs_of
from capital.services.overview.accounts import Freshness, freshness_of
from tests.factories import make_link
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

MULTI_ASSETS = {
    "asset": "USDT",
    "walletBalance": "2",
    "crossWalletBalance": "2",
    "crossUnPnl": "0",
    "marginBalance": "2",
    "initialMargin": "0",
    "availableBalance": "600",
    "updateTime": 1700000000000,
}


def code_after_sync(account: Account) -> str:
    sync_balances([account.pk])
    account.refresh_from_db()
    return account.connection_code


def test_account_says_why_its_exchange_does_not_answer_and_when_it_does(
    exchange: Exchange,
) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    assert code_after_sync(account) == ""
    exchange.fail(account, "unauthorized", "futures")
    assert code_after_sync(account) == "exchange_refused_key"
    assert account.silent_pools == "futures"
    exchange.fail(account, None)

    assert code_after_sync(account) == ""
    assert account.silent_pools == ""


def test_refused_key_is_told_before_what_may_pass_by_itself(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    exchange.fail(account, "server_error", "spot")
    exchange.fail(account, "unauthorized", "futures")

    assert code_after_sync(account) == "exchange_refused_key"
    assert account.silent_pools == "spot,futures"


def test_silent_wallet_needs_somebody_with_that_sync_and_is_not_fresh(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    other = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    for each in (account, other):
        assert code_after_sync(each) == ""
    exchange.fail(account, "unauthorized", "futures")
    for each in (account, other):
        code_after_sync(each)

    (need,) = needs_of(account.owner)
    assert (need.kind, need.account_id) == ("key_refused", account.pk)
    freshness = freshness_of(Account.objects.all(), now=timezone.now())
    assert freshness == {account.pk: Freshness.STALE, other.pk: Freshness.FRESH}
    exchange.fail(account, "server_error", "futures")
    code_after_sync(account)
    (need,) = needs_of(account.owner)
    assert (need.kind, need.why.split(":")[0]) == ("pool_unreadable", "Futures")


def test_wallet_that_nobody_uses_is_no_trouble_if_its_balance_type_is_not_available(
    exchange: Exchange,
) -> None:
    """Binance in multi-assets mode: what is free of the futures wallet counts other coins."""
    accounts = [
        exchange.open_account(
            wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}}, balance_basis="free"
        )
        for _ in range(2)
    ]
    for account in accounts:
        simulated = exchange.state.find(exchange.keys[account.pk])
        assert simulated is not None
        simulated.recorded[Pool.FUTURES] = {"assets": [MULTI_ASSETS]}
    spot_only, both = accounts
    make_link(account=spot_only)
    make_link(account=spot_only, market_type="futures", is_active=False)
    make_link(account=both, market_type="futures")

    assert code_after_sync(spot_only) == ""
    assert code_after_sync(both) == "basis_over_currencies"

    # That it does not answer at all is.
    exchange.fail(spot_only, "unauthorized", "futures")
    assert code_after_sync(spot_only) == "exchange_refused_key"


def test_account_says_that_it_is_left_alone_for_a_while(exchange: Exchange) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1"}})
    exchange.fail(account, "unauthorized")

    codes = [code_after_sync(account) for _ in range(FAILURES_TO_PAUSE + 1)]

    assert codes == ["exchange_refused_key"] * FAILURES_TO_PAUSE + ["exchange_paused"]
    assert len(exchange.asked) == FAILURES_TO_PAUSE

"""Every venue of the table, simulated: real ccxt, real HTTP, verified signatures, each basis."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool, WalletMode
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import Credentials
from capital.exchange.venues import VENUES, BalanceCall
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.exchange.asking import NOW, ask, gateway_to, request_for, simulated_account

POOLS = [
    (venue.id, mode.value, pool.value)
    for venue in VENUES.values()
    for mode in venue.wallet_modes
    for pool in venue.pools(mode)
]


def account_of(venue: str, pool: str, currency: str | None = None) -> SimulatedAccount:
    """A wallet of 1000.000000012, of which 250.5 are in use, and an open profit of 12.25."""
    currency = currency or VENUES[venue].currency
    is_spot = pool == "spot"
    return simulated_account(
        venue,
        currency=currency,
        wallets={pool: {currency: "1000.000000012", "DOGE": "7"}},
        unrealised={} if is_spot else {pool: {currency: "12.25"}},
        in_use={pool: {currency: "250.5"}},
    )


@pytest.mark.parametrize(("venue", "mode", "pool"), POOLS)
def test_each_basis_is_read_or_refused_with_its_reason(venue: str, mode: str, pool: str) -> None:
    account = account_of(venue, pool)
    call = VENUES[venue].call(Pool(pool), account.currency)
    expected = {
        BalanceBasis.WALLET: Decimal("1000.000000012"),
        BalanceBasis.EQUITY: Decimal("1000.000000012" if pool == "spot" else "1012.250000012"),
        BalanceBasis.FREE: Decimal("749.500000012"),
    }
    if (venue, pool) in {("hyperliquid", "futures"), ("bybit", "unified")}:
        # What is free there is the account's value without the margin in use.
        expected[BalanceBasis.FREE] = Decimal("761.750000012")

    for basis, amount in expected.items():
        (answer,), server = ask(account, pool, basis=basis)

        if basis in call.refused:
            assert isinstance(answer, Reason)
            assert answer.code is call.refused[basis]
        else:
            assert answer == Observation(amount, NOW)
        # HTX is asked for the number of its spot account first.
        assert len(server.requests) == 1


OTHER_CURRENCIES = [
    ("binance", "BTC"), ("htx", "BTC"), ("bingx", "SOL"), ("kucoin", "BTC"), ("bitget", "USDC"),
    ("bitget", "BTC"), ("gate", "BTC"), ("krakenfutures", "BTC"), ("krakenfutures", "USDT"),
]  # fmt: skip


def asks_for_one_currency(call: BalanceCall) -> bool:
    return any("{currency" in str(value) for value in call.params.values())


def test_every_venue_with_a_futures_wallet_for_each_currency_is_one_of_these() -> None:
    assert {venue for venue, _ in OTHER_CURRENCIES} == {
        venue.id
        for venue in VENUES.values()
        if len(calls := venue.calls.get(Pool.FUTURES, ())) > 1
        or any(asks_for_one_currency(call) for call in calls)
    }


@pytest.mark.parametrize(("venue", "currency"), OTHER_CURRENCIES)
def test_futures_wallet_of_another_currency_is_another_call(venue: str, currency: str) -> None:
    (answer,), _ = ask(account_of(venue, "futures", currency), "futures")

    assert answer == Observation(Decimal("1000.000000012"), NOW)


@pytest.mark.parametrize(("venue", "mode", "pool"), POOLS)
def test_wallet_of_every_currency_is_shown(venue: str, mode: str, pool: str) -> None:
    account = account_of(venue, pool)
    with SimulatedExchange(ExchangeState([account])) as server:
        gateway = CcxtGateway(venue_urls={venue: server.base_url}, concurrency=1)
        basis = VENUES[venue].bases(WalletMode(mode), account.currency)[0]
        answers: Any = gateway.fetch_wallets([request_for(account, [pool], basis=basis)])

    call = VENUES[venue].call(Pool(pool), account.currency)
    alone = call.holdings.form == "single" or asks_for_one_currency(call)
    doge = {} if alone else {"DOGE": Decimal(7)}
    # The wallet, but where it is not told.
    amount = Decimal("1012.250000012" if basis == "equity" else "1000.000000012")
    assert answers[1, Pool(pool)] == {account.currency: amount, **doge}


@pytest.mark.parametrize("venue", ["kraken", "krakenfutures"])
def test_secret_that_signs_nothing_is_said_to_be_so(venue: str) -> None:
    pool = VENUES[venue].pools(VENUES[venue].usual_wallet_mode)[0].value
    account = account_of(venue, pool)
    account.api_secret = "not in Base64"

    (answer,), server = ask(account, pool)

    assert isinstance(answer, Reason)
    assert answer.code is Code.CREDENTIALS_MALFORMED
    assert server.requests == []


@pytest.mark.parametrize(("venue", "mode", "pool"), POOLS)
def test_wrong_secret_is_refused_where_requests_are_signed(
    venue: str, mode: str, pool: str
) -> None:
    account = account_of(venue, pool)
    request = request_for(account, [pool])
    wrong = replace(
        request,
        credentials=Credentials(account.api_key, "d3Jvbmcgc2VjcmV0", account.api_passphrase),
    )
    with SimulatedExchange(ExchangeState([account])) as server:
        answers = gateway_to(server).fetch_balances([wrong], clock=lambda: NOW)

    answer = answers[1, Pool(pool)]
    if venue == "hyperliquid":
        assert isinstance(answer, Observation)
    elif answer != Reason(Code.BASIS_WITH_PNL_ONLY, {"venue": venue, "basis": "wallet"}):
        assert isinstance(answer, Reason)
        assert answer.code is Code.EXCHANGE_REFUSED_KEY, answer

import asyncio
import threading
from decimal import Decimal

import ccxt
import pytest

from capital.simulator.faults import Fault
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests.simulator.accounts import POOLS, accounts
from tests.simulator.ccxt_client import client_of, fetch_balance

SHORT_MILLISECONDS = 300
NO_ANSWER = [Fault.TIMEOUT, Fault.DRIP]
STATUS = {
    Fault.UNAUTHORIZED: 401,
    Fault.BANNED: 418,
    Fault.RATE_LIMITED: 429,
    Fault.SERVER_ERROR: 500,
}
# What ccxt 4.5.90 makes of the venues' bodies; its default for the status does not get a say.
BINANCE = {
    Fault.UNAUTHORIZED: ccxt.AuthenticationError,
    Fault.BANNED: ccxt.DDoSProtection,
    Fault.RATE_LIMITED: ccxt.DDoSProtection,
    Fault.SERVER_ERROR: ccxt.OperationFailed,
}
RAISED = {
    "Binance one": BINANCE,
    "Binance two": BINANCE,
    "Bybit": {
        Fault.UNAUTHORIZED: ccxt.AuthenticationError,
        Fault.BANNED: ccxt.RateLimitExceeded,
        Fault.RATE_LIMITED: ccxt.RateLimitExceeded,
        Fault.SERVER_ERROR: ccxt.ExchangeError,
    },
    "OKX": {
        Fault.UNAUTHORIZED: ccxt.AuthenticationError,
        Fault.BANNED: ccxt.RateLimitExceeded,
        Fault.RATE_LIMITED: ccxt.RateLimitExceeded,
        Fault.SERVER_ERROR: ccxt.ExchangeNotAvailable,
    },
    "Upbit": {
        Fault.UNAUTHORIZED: ccxt.AuthenticationError,
        Fault.BANNED: ccxt.ExchangeError,
        Fault.RATE_LIMITED: ccxt.ExchangeError,
        Fault.SERVER_ERROR: ccxt.ExchangeError,
    },
    "Bithumb": dict.fromkeys(STATUS, ccxt.ExchangeError),
}


@pytest.fixture
def broken(exchange, account_named):
    """Puts a fault on one pool and answers the account."""

    def broken(name, pool, fault, times=None):
        account = account_named(name)
        exchange.state.set_fault(account.api_key, fault, pool, times)
        return account

    return broken


@pytest.mark.parametrize("fault", NO_ANSWER)
@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_a_venue_that_does_not_finish_its_answer_times_out(exchange, broken, name, pool, fault):
    account = broken(name, pool, fault)

    with pytest.raises(ccxt.RequestTimeout):
        fetch_balance(account, exchange.base_url, pool, timeout=SHORT_MILLISECONDS)


@pytest.mark.parametrize("fault", list(STATUS))
@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_an_error_status_is_the_error_that_ccxt_knows(exchange, broken, name, pool, fault):
    account = broken(name, pool, fault)

    with pytest.raises(RAISED[name][fault]) as caught:
        fetch_balance(account, exchange.base_url, pool)

    assert type(caught.value) is RAISED[name][fault]
    assert account.api_key in str(caught.value)


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_a_reset_connection_is_a_network_error(exchange, broken, name, pool):
    account = broken(name, pool, Fault.RESET)

    with pytest.raises(ccxt.ExchangeNotAvailable) as caught:
        fetch_balance(account, exchange.base_url, pool)

    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("fault", [Fault.HTML, Fault.TRUNCATED, Fault.NAN])
@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_what_is_not_json_reaches_ccxt_as_text_without_a_balance(
    exchange, broken, name, pool, fault
):
    account = broken(name, pool, fault)

    balance = fetch_balance(account, exchange.base_url, pool)

    assert isinstance(balance["info"], str)
    assert not any(balance["total"].values())
    if fault is Fault.HTML:
        assert account.api_key in balance["info"]
    if fault is Fault.NAN:
        assert ":NaN" in balance["info"].replace(" ", "")


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_an_empty_object_is_an_error_or_an_empty_balance(exchange, broken, name, pool):
    account = broken(name, pool, Fault.EMPTY_OBJECT)

    if account.venue in ("bybit", "okx"):
        with pytest.raises(ccxt.ExchangeError):
            fetch_balance(account, exchange.base_url, pool)
    else:
        assert fetch_balance(account, exchange.base_url, pool)["total"] == {}


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_nan_as_text_breaks_ccxt_or_gets_through_it(exchange, broken, name, pool):
    account = broken(name, pool, Fault.NAN_TEXT)

    if pool == "futures":
        balance = fetch_balance(account, exchange.base_url, pool)
        assert balance["total"]["USDT"].is_nan()
    else:
        with pytest.raises(ValueError, match="NaN"):
            fetch_balance(account, exchange.base_url, pool)


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_an_infinite_amount_gets_through_ccxt_as_an_absurd_one(exchange, broken, name, pool):
    account = broken(name, pool, Fault.INFINITE)

    total = fetch_balance(account, exchange.base_url, pool)["total"]

    assert total[account.currency] == Decimal("1e400")


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_a_negative_amount_is_debt_of_the_same_size(exchange, broken, name, pool):
    account = broken(name, pool, Fault.NEGATIVE)

    total = fetch_balance(account, exchange.base_url, pool)["total"]

    assert total[account.currency] == -Decimal(account.wallets[pool][account.currency])


@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_a_missing_currency_is_left_out_and_not_zero(exchange, broken, name, pool):
    account = broken(name, pool, Fault.MISSING_CURRENCY)

    balance = fetch_balance(account, exchange.base_url, pool)

    assert account.currency not in balance["total"]
    assert not isinstance(balance["info"], str)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_leaves_the_other_pool_and_the_other_accounts_alone(exchange, broken, fault):
    broken("Binance one", "futures", fault)

    untouched = {
        (account.name, str(pool)): fetch_balance(account, exchange.base_url, pool)["total"][
            account.currency
        ]
        for account in exchange.state.accounts
        for pool in account.pools
        if (account.name, pool) != ("Binance one", "futures")
    }

    assert untouched == {
        ("Binance one", "spot"): Decimal("10369.00"),
        ("Binance two", "spot"): Decimal("3000.00"),
        ("Binance two", "futures"): Decimal("2000.00"),
        ("Bybit", "unified"): Decimal("25000.123456"),
        ("OKX", "unified"): Decimal("8342.515"),
        ("Upbit", "spot"): Decimal("12345678.9"),
        ("Bithumb", "spot"): Decimal("4500000"),
    }


@pytest.mark.parametrize(
    ("fault", "retry_after"), [("banned", "60"), ("rate_limited", "1"), ("server_error", None)]
)
def test_throttled_answers_say_when_to_retry(exchange, broken, fault, retry_after):
    account = broken("OKX", "unified", fault)

    async def headers_of_the_refusal():
        client = client_of(account, exchange.base_url)
        try:
            with pytest.raises(ccxt.BaseError):
                await client.fetch_balance()
            return client.last_response_headers
        finally:
            client.timeout_on_exit = 0  # nothing is left that could end by itself
            await client.close()

    assert asyncio.run(headers_of_the_refusal()).get("Retry-After") == retry_after


def test_a_fault_for_two_requests_is_over_at_the_third(exchange, broken):
    account = broken("Bybit", "unified", "server_error", times=2)

    for _ in range(2):
        with pytest.raises(ccxt.ExchangeError):
            fetch_balance(account, exchange.base_url)

    assert fetch_balance(account, exchange.base_url)["total"]["USDT"] == Decimal("25000.123456")
    assert account.faults == {}


def test_refused_requests_do_not_use_up_a_fault(exchange, broken):
    account = broken("Bybit", "unified", "server_error", times=1)
    with pytest.raises(ccxt.AuthenticationError):
        fetch_balance(account, exchange.base_url, secret="not-the-right-one")

    with pytest.raises(ccxt.ExchangeError, match="10016"):
        fetch_balance(account, exchange.base_url)


def test_a_fault_without_a_pool_is_on_all_of_them_with_one_countdown(exchange, broken):
    account = broken("Binance one", None, "server_error", times=2)

    for pool in ("spot", "futures"):
        with pytest.raises(ccxt.OperationFailed):
            fetch_balance(account, exchange.base_url, pool)

    for pool in ("spot", "futures"):
        assert "USDT" in fetch_balance(account, exchange.base_url, pool)["total"]


def test_a_fault_stands_until_it_is_cleared(exchange, broken):
    account = broken("Upbit", "spot", "server_error")
    for _ in range(3):
        with pytest.raises(ccxt.ExchangeError):
            fetch_balance(account, exchange.base_url)

    exchange.state.clear_faults()

    assert fetch_balance(account, exchange.base_url)["total"]["KRW"] == Decimal("12345678.9")


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_stopping_cuts_the_connections_that_hang(fault):
    account = accounts()[0]
    exchange = SimulatedExchange(ExchangeState([account]))
    exchange.start()
    exchange.state.set_fault(account.api_key, fault)
    raised = []

    def ask():
        try:
            fetch_balance(account, exchange.base_url, "spot", timeout=60_000)
        except ccxt.BaseError as error:
            raised.append(error)

    client = threading.Thread(target=ask)
    client.start()
    while not exchange.requests:
        client.join(0.01)
    exchange.stop()
    client.join(30)

    assert not client.is_alive()
    # Cut, not timed out.
    assert [isinstance(error, ccxt.RequestTimeout) for error in raised] == [False]
    exchange.stop()

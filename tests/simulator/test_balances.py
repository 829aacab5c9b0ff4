from decimal import Decimal

import pytest

from capital.simulator.server import SimulatedExchange
from capital.simulator.state import DEMO_ACCOUNTS, ExchangeState
from tests.simulator.ccxt_client import fetch_balance


@pytest.mark.parametrize(
    ("name", "pool", "currency", "amount"),
    [
        ("Binance one", "spot", "USDT", "10369.00"),
        ("Binance one", "spot", "BTC", "0.12345678"),
        ("Binance one", "futures", "USDT", "5000.00"),
        ("Binance two", "spot", "USDT", "3000.00"),
        ("Binance two", "futures", "USDT", "2000.00"),
        ("Bybit", "unified", "USDT", "25000.123456"),
        ("OKX", "unified", "USDT", "8342.515"),
        ("Upbit", "spot", "KRW", "12345678.9"),
        ("Upbit", "spot", "BTC", "0.00000001"),
        ("Bithumb", "spot", "KRW", "4500000"),
    ],
)
def test_ccxt_reads_exactly_what_the_desk_says(
    exchange, account_named, name, pool, currency, amount
):
    balance = fetch_balance(account_named(name), exchange.base_url, pool)

    assert balance["total"][currency] == Decimal(amount)
    assert type(balance["total"][currency]) is Decimal
    assert balance["free"][currency] == Decimal(amount)


@pytest.mark.parametrize(
    ("name", "pool", "amount"),
    [
        ("Binance one", "spot", "123456789012345678.123456789012345678"),
        ("Binance one", "futures", "99999999999.99999999"),
        ("Bybit", "unified", "0.000000000000000001"),
        ("OKX", "unified", "-12.5"),
        ("Upbit", "spot", "1234567890123456.12345678"),
    ],
)
def test_no_digit_is_lost_or_added(exchange, account_named, name, pool, amount):
    account = account_named(name)
    exchange.state.set_balance(account.api_key, pool, account.currency, amount)

    balance = fetch_balance(account, exchange.base_url, pool)

    assert balance["total"][account.currency] == Decimal(amount)


def test_a_changed_balance_is_answered_at_once(exchange, account_named):
    account = account_named("Bithumb")
    exchange.state.set_balance(account.api_key, "spot", "KRW", "77")

    assert fetch_balance(account, exchange.base_url)["total"]["KRW"] == Decimal(77)


def test_binance_spot_lists_currencies_that_are_not_held(exchange, account_named):
    account = account_named("Binance two")

    assert fetch_balance(account, exchange.base_url)["total"]["BNB"] == Decimal(0)


@pytest.mark.parametrize("name", ["Bybit", "OKX"])
def test_unified_venues_leave_empty_currencies_out(exchange, account_named, name):
    total = fetch_balance(account_named(name), exchange.base_url)["total"]

    assert list(total) == ["USDT"]


@pytest.mark.parametrize("name", ["Binance one", "Upbit", "Bithumb"])
def test_other_venues_answer_an_emptied_currency_as_zero(exchange, account_named, name):
    account = account_named(name)
    for pool in account.pools:
        exchange.state.set_balance(account.api_key, pool, account.currency, "0")
        balance = fetch_balance(account, exchange.base_url, pool)
        assert balance["total"][account.currency] == Decimal(0)


def test_a_futures_currency_that_never_was_there_is_a_placeholder_without_a_balance(
    exchange, account_named
):
    balance = fetch_balance(account_named("Binance one"), exchange.base_url, "futures")

    asset = next(row for row in balance["info"]["assets"] if row["asset"] == "USDC")
    assert int(asset["updateTime"]) == 0
    assert "USDC" not in balance["total"]


def test_recorded_text_is_served_verbatim(exchange, account_named, send):
    account = account_named("Upbit")
    body = '[ {"currency":"KRW" ,"balance":"000123.4500","locked":"1"} ]\n'
    account.recorded["spot"] = body

    balance = fetch_balance(account, exchange.base_url)

    assert balance["info"] == [{"currency": "KRW", "balance": "000123.4500", "locked": "1"}]
    assert balance["total"]["KRW"] == Decimal("124.45")


def test_a_recorded_body_replaces_only_its_own_pool(exchange, account_named):
    account = account_named("Binance one")
    account.recorded["futures"] = {
        "assets": [{"asset": "USDT", "marginBalance": "31.02261200", "updateTime": 1}]
    }

    futures = fetch_balance(account, exchange.base_url, "futures")
    spot = fetch_balance(account, exchange.base_url, "spot")

    assert futures["total"] == {"USDT": Decimal("31.02261200")}
    assert spot["total"]["USDT"] == Decimal("10369.00")


def test_a_recorded_body_can_still_be_truncated(exchange, account_named):
    account = account_named("Upbit")
    account.recorded["spot"] = [{"currency": "KRW", "balance": "1", "locked": "0"}]
    exchange.state.set_fault(account.api_key, "truncated")

    assert isinstance(fetch_balance(account, exchange.base_url)["info"], str)


def test_what_was_asked_is_noted(exchange, account_named):
    fetch_balance(account_named("Binance one"), exchange.base_url, "futures")
    fetch_balance(account_named("Bithumb"), exchange.base_url)

    first, second = exchange.requests
    assert (first.venue, first.pool, first.api_key, first.path) == (
        "binance",
        "futures",
        "test-binance-one-key",
        "/fapi/v3/account",
    )
    assert (second.venue, second.path) == ("bithumb", "/v1/accounts")


def test_upbit_and_bithumb_share_a_path_and_are_told_apart_by_their_keys(exchange, account_named):
    upbit, bithumb = account_named("Upbit"), account_named("Bithumb")

    assert fetch_balance(upbit, exchange.base_url)["total"]["KRW"] == Decimal("12345678.9")
    assert fetch_balance(bithumb, exchange.base_url)["total"]["KRW"] == Decimal("4500000")
    assert [asked.venue for asked in exchange.requests] == ["upbit", "bithumb"]


def test_the_demo_desk_answers_for_every_account_but_the_pool_that_is_broken_on_purpose():
    with SimulatedExchange(ExchangeState.from_json(DEMO_ACCOUNTS)) as exchange:
        answers = {}
        for account in exchange.state.accounts:
            for pool in set(account.pools) - set(account.faults):
                total = fetch_balance(account, exchange.base_url, pool)["total"]
                answers[account.name, str(pool)] = total[account.currency]

    assert answers == {
        ("Binance main", "spot"): Decimal("10369.00"),
        ("Binance main", "futures"): Decimal("5000.00"),
        ("Bybit unified", "unified"): Decimal("25000.123456"),
        ("OKX unified", "unified"): Decimal("8342.515"),
        ("Upbit KRW", "spot"): Decimal("12345678.9"),
        ("Binance fallback", "spot"): Decimal("3000.00"),
        ("Bithumb KRW", "spot"): Decimal("4500000"),
    }

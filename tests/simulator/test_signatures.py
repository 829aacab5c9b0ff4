import time

import ccxt
import pytest

from capital.simulator.signatures import TOLERANCE_MILLISECONDS
from tests.simulator.accounts import POOLS
from tests.simulator.ccxt_client import client_of, fetch_balance

# ccxt 4.5.90 does not know the names of Bithumb's errors: all are ExchangeError to it.
REFUSED = {"Bithumb": ccxt.ExchangeError}
NAME_OF_BITHUMB = {"secret": "JWT", "apiKey": "엑세스 키"}


@pytest.mark.parametrize("wrong", ["secret", "apiKey"])
@pytest.mark.parametrize(("name", "pool"), POOLS)
def test_a_wrong_secret_or_key_is_refused(exchange, account_named, name, pool, wrong):
    expected = REFUSED.get(name, ccxt.AuthenticationError)

    with pytest.raises(expected) as caught:
        fetch_balance(account_named(name), exchange.base_url, pool, **{wrong: "not-the-right-one"})

    assert type(caught.value) is expected
    if name == "Bithumb":
        assert NAME_OF_BITHUMB[wrong] in str(caught.value)


def test_a_wrong_passphrase_is_refused_by_okx(exchange, account_named):
    with pytest.raises(ccxt.AuthenticationError, match="50105"):
        fetch_balance(account_named("OKX"), exchange.base_url, password="wrong")


def test_an_account_of_another_venue_is_unknown(exchange, account_named):
    bybit = account_named("Bybit")
    credentials = {"apiKey": bybit.api_key, "secret": bybit.api_secret}

    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        fetch_balance(account_named("Binance one"), exchange.base_url, **credentials)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v3/account", 401, -2014),
        ("/fapi/v3/account", 401, -2014),
        ("/v5/account/wallet-balance?accountType=UNIFIED", 200, 10003),
        ("/api/v5/account/balance", 401, "50103"),
        ("/v1/accounts", 401, "no_authorization_token"),
    ],
)
def test_a_request_without_a_key_is_refused_in_the_form_of_the_venue(send, path, status, code):
    answer = send(path)

    assert answer.status == status
    assert code in {
        answer.json.get("code"),
        answer.json.get("retCode"),
        answer.json.get("error", {}).get("name"),
    }


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/v3/account?timestamp=1", {"X-MBX-APIKEY": "test-binance-one-key"}, 400, "-1102"),
        ("/v5/account/wallet-balance", {"X-BAPI-API-KEY": "test-bybit-key"}, 200, "10004"),
        ("/api/v5/account/balance", {"OK-ACCESS-KEY": "test-okx-key"}, 401, "50106"),
        ("/v1/accounts", {"Authorization": "Bearer not.a.token"}, 401, "no_authorization_token"),
        ("/v1/accounts", {"Authorization": "Bearer e30.e30."}, 401, "no_authorization_token"),
    ],
)
def test_an_unsigned_request_with_a_known_key_is_refused(send, path, headers, status, code):
    answer = send(path, headers=headers)

    assert answer.status == status
    assert code in answer.text


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("Binance one", "account", "-1022"),
        ("Bybit", "v5/account/wallet-balance", "10004"),
        ("OKX", "account/balance", "50113"),
        ("Upbit", "accounts", "invalid_query_payload"),
        ("Bithumb", "v1/accounts", "invalid_query_payload"),
    ],
)
def test_a_signature_does_not_cover_another_query(exchange, account_named, send, name, path, code):
    client = client_of(account_named(name), exchange.base_url)
    signed = client.sign(path, ["private"], "GET", {"currency": "BTC"})
    target = signed["url"].removeprefix(exchange.base_url)

    tampered = send(target.replace("BTC", "ETH"), headers=signed["headers"])
    honest = send(target, headers=signed["headers"])

    assert code in tampered.text
    assert (honest.status, code in honest.text) == (200, False)


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize(
    ("name", "code"), [("Binance one", "-1021"), ("Bybit", "10002"), ("OKX", "50102")]
)
def test_a_clock_that_is_too_far_off_is_refused(exchange, account_named, name, code, direction):
    offset = direction * (TOLERANCE_MILLISECONDS + 10_000)

    with pytest.raises(ccxt.InvalidNonce, match=code):
        fetch_balance(account_named(name), exchange.base_url, clock_offset_milliseconds=offset)


@pytest.mark.parametrize("name", ["Binance one", "Bybit", "OKX"])
def test_a_clock_that_is_a_little_off_is_accepted(exchange, account_named, name):
    balance = fetch_balance(
        account_named(name), exchange.base_url, clock_offset_milliseconds=-20_000
    )

    assert "USDT" in balance["total"]


@pytest.mark.parametrize("name", ["Binance one", "Bybit", "OKX", "Upbit", "Bithumb"])
def test_refusals_repeat_the_key_and_the_request_as_venues_do(exchange, account_named, name):
    account = account_named(name)

    with pytest.raises(ccxt.BaseError) as caught:
        fetch_balance(account, exchange.base_url, secret="not-the-right-one")

    assert account.api_key in str(caught.value)
    assert exchange.requests[-1].path in str(caught.value)


@pytest.mark.parametrize("name", ["Upbit", "Bithumb"])
def test_a_token_that_names_another_algorithm_is_refused(account_named, send, name):
    account = account_named(name)
    claims = {
        "access_key": account.api_key,
        "nonce": "1",
        "timestamp": time.time_ns() // 1_000_000,
    }

    def status_with(algorithm):
        token = ccxt.Exchange.jwt(
            claims, account.api_secret.encode(), "sha256", False, {"alg": algorithm}
        )
        return send("/v1/accounts", headers={"Authorization": f"Bearer {token}"}).status

    assert (status_with("HS256"), status_with("HS512"), status_with("none")) == (200, 401, 401)

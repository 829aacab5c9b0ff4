"""Tokens and signatures of private keys, as the simulated venues hold them against the request."""

import json
import time
import urllib.error
import urllib.request
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from capital.simulator.server import SimulatedExchange
from capital.simulator.signatures import key_of_base64, key_of_pem
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.private_keys import PKCS8, TRADITIONAL, base64_of, key_of, pem_of
from tests.simulator.ccxt_client import client_of

SPOT, FUTURES = "/api/v3/brokerage/accounts", "/api/v3/brokerage/cfm/balance_summary"


def coinbase_account(algorithm: str) -> SimulatedAccount:
    key = key_of(algorithm)
    return SimulatedAccount(
        venue="coinbase",
        api_key=f"organizations/1/apiKeys/{algorithm}",
        api_secret=pem_of(key, TRADITIONAL).strip() if algorithm == "ec" else base64_of(key),
        currency="USD",
        wallets={"spot": {"USD": "12.34"}},
    )


def binance_account(algorithm: str) -> SimulatedAccount:
    return SimulatedAccount(
        venue="binance",
        api_key=f"binance-{algorithm}",
        api_secret=pem_of(key_of(algorithm)).strip(),
        wallets={"spot": {"USDT": "12.34"}},
    )


def desk() -> ExchangeState:
    return ExchangeState(
        [coinbase_account("ec"), coinbase_account("ed25519"),
         binance_account("rsa"), binance_account("ed25519")]
    )  # fmt: skip


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(desk()) as exchange:
        yield exchange


def send(exchange: SimulatedExchange, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(exchange.base_url + path, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def send_token(exchange: SimulatedExchange, token: str, path: str = SPOT) -> tuple[int, str]:
    return send(exchange, path, Authorization=f"Bearer {token}")


def token_for(exchange: SimulatedExchange, account: SimulatedAccount, path: str = SPOT) -> str:
    client = client_of(account, exchange.base_url)
    url, is_eddsa = exchange.base_url + path, not account.api_secret.startswith("-----")
    return str(client.create_auth_token(client.seconds(), "GET", url, is_eddsa))


def forged(account: SimulatedAccount, header: Any = None, **claims: Any) -> str:
    """A token that ccxt signs with the account's key, with these claims in place of its own."""
    now = int(time.time())
    mine = {"sub": account.api_key, "nbf": now, "exp": now + 120, **claims}
    secret = account.api_secret.encode()
    options = {"kid": account.api_key, "alg": "ES256", **(header or {})}
    return str(ccxt.Exchange.jwt(mine, secret, "sha256", False, options))


@pytest.mark.parametrize("algorithm", ["ec", "ed25519"])
def test_token_is_good_for_one_path_and_whatever_query(
    exchange: SimulatedExchange, algorithm: str
) -> None:
    token = token_for(exchange, coinbase_account(algorithm))

    assert send_token(exchange, token)[0] == 200
    assert send_token(exchange, token, SPOT + "?limit=250")[0] == 200
    status, text = send_token(exchange, token, FUTURES)
    assert (status, "invalid signature" in text) == (401, True)


def test_claims_are_those_that_are_documented(exchange: SimulatedExchange) -> None:
    account = coinbase_account("ec")
    host = exchange.base_url.removeprefix("http://")

    assert send_token(exchange, forged(account, uri=f"GET {host}{SPOT}"))[0] == 200
    for wrong in (
        {"uri": f"POST {host}{SPOT}"},
        {"uri": f"GET api.example.com{SPOT}"},
        {},
        {"uri": f"GET {host}{SPOT}", "sub": "organizations/1/apiKeys/ed25519"},
    ):
        status, text = send_token(exchange, forged(account, **wrong))
        assert (status, "invalid signature" in text) == (401, True), wrong


def test_token_that_names_another_algorithm_or_key_is_refused(exchange: SimulatedExchange) -> None:
    account = coinbase_account("ec")
    host = exchange.base_url.removeprefix("http://")

    def answer(**header: str) -> str:
        return send_token(exchange, forged(account, header, uri=f"GET {host}{SPOT}"))[1]

    assert "invalid signature" in answer(alg="HS256")
    assert "invalid signature" in answer(kid="organizations/1/apiKeys/ed25519")
    assert "invalid api key" in answer(kid="organizations/1/apiKeys/none")


@pytest.mark.parametrize("signature", ["", "AAAA", "not Base64!", "A" * 86])
@pytest.mark.parametrize("algorithm", ["ec", "ed25519"])
def test_token_without_its_signature_is_refused(
    exchange: SimulatedExchange, algorithm: str, signature: str
) -> None:
    signed = token_for(exchange, coinbase_account(algorithm)).rpartition(".")[0]

    status, text = send_token(exchange, f"{signed}.{signature}")

    assert (status, "invalid signature" in text) == (401, True)


def test_changed_claims_are_not_covered_by_the_signature(exchange: SimulatedExchange) -> None:
    account = coinbase_account("ec")
    header, _, signature = token_for(exchange, account).split(".")
    claims = {"sub": account.api_key, "nbf": 0, "exp": 9_999_999_999}
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    assert "invalid signature" in send_token(exchange, f"{header}.{payload}.{signature}")[1]


@pytest.mark.parametrize(
    ("ahead_seconds", "is_stale"),
    [(-60, True), (-20, False), (0, False), (90, False), (130, True)],
)
@pytest.mark.parametrize("algorithm", ["ec", "ed25519"])
def test_token_is_good_for_two_minutes(algorithm: str, ahead_seconds: int, is_stale: bool) -> None:
    with SimulatedExchange(desk(), clock_ahead_milliseconds=ahead_seconds * 1000) as exchange:
        status, text = send_token(exchange, token_for(exchange, coinbase_account(algorithm)))

    assert ("request timestamp expired" in text) is is_stale
    assert status == (401 if is_stale else 200)


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_signature_of_binance_covers_the_query(exchange: SimulatedExchange, algorithm: str) -> None:
    account = binance_account(algorithm)
    signed = client_of(account, exchange.base_url).sign("account", ["private"], "GET", {"a": "BTC"})
    target = signed["url"].removeprefix(exchange.base_url)
    unsigned = target.partition("signature=")[0]

    assert send(exchange, target, **signed["headers"])[0] == 200
    for changed in (
        target.replace("BTC", "ETH"),
        unsigned + "signature=" + "0" * 64,
        unsigned + "signature=not%20Base64",
    ):
        status, text = send(exchange, changed, **signed["headers"])
        assert (status, "-1022" in text) == (400, True)


def test_only_what_a_venue_takes_is_a_key() -> None:
    assert key_of_pem("a secret") is None
    assert key_of_pem(pem_of(key_of("ec"), PKCS8)) is not None
    assert key_of_base64(base64_of(key_of("ed25519"))) is not None
    assert key_of_base64(b64encode(b"a" * 32).decode()) is None
    assert key_of_base64("not Base64") is None

from decimal import Decimal

import ccxt
import pytest

from capital.exchange.venues import VENUES
from tests.simulator.ccxt_client import fetch_balance


def test_the_desk_is_shown_without_keys_and_secrets(exchange, account_named, send):
    exchange.state.set_fault(account_named("Binance one").api_key, "drip", "futures", 3)

    answer = send("/simulator/")

    assert answer.status == 200
    assert set(answer.json["venues"]) == set(VENUES)
    assert answer.json["accounts"][0] == {
        "name": "Binance one",
        "venue": "binance",
        "currency": "USDT",
        "pools": ["spot", "futures"],
        "faults": {"futures": {"fault": "drip", "times": 3}},
    }
    for account in exchange.state.accounts:
        for secret in (account.api_key, account.api_secret, account.api_passphrase or "\0"):
            assert secret not in answer.text


def test_a_fault_is_set_and_cleared_over_http(exchange, account_named, send):
    account = account_named("Upbit")
    body = {"api_key": account.api_key, "pool": "spot", "fault": "unauthorized", "times": None}

    assert send("/simulator/faults", body=body).status == 200
    with pytest.raises(ccxt.AuthenticationError):
        fetch_balance(account, exchange.base_url)

    cleared = {"api_key": account.api_key, "pool": None, "fault": None}
    assert send("/simulator/faults", body=cleared).status == 200
    assert "KRW" in fetch_balance(account, exchange.base_url)["total"]


def test_a_balance_is_set_over_http(exchange, account_named, send):
    account = account_named("OKX")
    body = {
        "api_key": account.api_key,
        "pool": "unified",
        "currency": "USDT",
        "amount": "0.000000000000000001",
    }

    assert send("/simulator/balances", body=body).json == {"ok": True}

    total = fetch_balance(account, exchange.base_url)["total"]
    assert total["USDT"] == Decimal("0.000000000000000001")


KEY = "test-binance-one-key"


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("faults", b"{", "not JSON"),
        ("faults", b"\xff", "not JSON"),
        ("faults", [], "must be a JSON object"),
        ("faults", {"api_key": KEY}, "fault is missing"),
        ("faults", {"api_key": KEY, "fault": "slow"}, "unknown fault 'slow'"),
        ("faults", {"api_key": KEY, "fault": ["drip"]}, "unknown fault"),
        ("faults", {"api_key": KEY, "fault": "drip", "pool": "unified"}, "no pool 'unified'"),
        ("faults", {"api_key": KEY, "fault": "drip", "pool": []}, "no pool"),
        ("faults", {"api_key": KEY, "fault": "drip", "times": 0}, "1 or more"),
        ("faults", {"api_key": KEY, "fault": "drip", "times": True}, "1 or more"),
        ("faults", {"api_key": KEY, "fault": None, "times": 1}, "times without a fault"),
        ("faults", {"api_key": KEY, "fault": "drip", "time": 1}, "unknown field 'time'"),
        ("faults", {"api_key": "nobody", "fault": "drip"}, "no account"),
        ("faults", {"api_key": [], "fault": "drip"}, "no account"),
        ("balances", {"api_key": KEY, "pool": "spot", "currency": "USDT"}, "amount is missing"),
        (
            "balances",
            {"api_key": KEY, "pool": "spot", "currency": "USDT", "amount": 5},
            "plain decimal string",
        ),
        (
            "balances",
            {"api_key": KEY, "pool": "spot", "currency": "USDT", "amount": "NaN"},
            "plain decimal string",
        ),
        (
            "balances",
            {"api_key": KEY, "pool": "spot", "currency": "", "amount": "5"},
            "currency must be a name",
        ),
        (
            "balances",
            {"api_key": KEY, "pool": "cross", "currency": "USDT", "amount": "5"},
            "no pool 'cross'",
        ),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong(exchange, send, path, body, reason):
    before = send("/simulator/").text

    answer = send(f"/simulator/{path}", body=body)

    assert answer.status == 400
    assert reason in answer.json["error"]
    assert send("/simulator/").text == before

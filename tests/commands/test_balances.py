"""``manage.py balances``: what each exchange says right now."""

import json
from typing import Any

import pytest
from django.core.management import CommandError

from capital.models import AllocationRun, DailyAccountSummary
from tests.commands.running import run
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


def balances(*arguments: str) -> tuple[int, str]:
    return run("balances", *arguments)


@pytest.mark.usefixtures("seoul")
def test_json_shows_every_pool_unrounded(exchange: Exchange) -> None:
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "0.123456789"}, "futures": {"USDT": "-5"}}
    )

    code, output = balances("--json")

    answer: dict[str, Any] = json.loads(output)
    times = [pool.pop("observed_at") for pool in answer["accounts"][0]["pools"]]
    assert all(time.endswith("+09:00") for time in times)
    assert code == 0
    assert answer == {
        "accounts": [
            {
                "account_id": account.pk,
                "account": "Main",
                "venue": "binance",
                "pools": [
                    {"pool": "spot", "currency": "USDT", "amount": "0.123456789", "error": None},
                    {"pool": "futures", "currency": "USDT", "amount": "-5.00", "error": None},
                ],
            }
        ]
    }


def test_exchange_that_does_not_answer_is_said_and_exits_1(exchange: Exchange) -> None:
    account = exchange.open_account(wallets={"spot": {"USDT": "1"}, "futures": {"USDT": "2"}})
    exchange.fail(account, "unauthorized", "futures")

    code, output = balances("--json")

    spot, futures = json.loads(output)["accounts"][0]["pools"]
    assert code == 1
    assert (spot["error"], futures["amount"], futures["observed_at"]) == (None, None, None)
    assert futures["error"].startswith("exchange_refused_key: binance refused the API key")


def test_nothing_is_written(exchange: Exchange) -> None:
    exchange.open_account(wallets={"spot": {"USDT": "1"}})

    balances()

    assert not DailyAccountSummary.objects.exists()
    assert not AllocationRun.objects.exists()


def test_table_shows_amounts_and_errors(exchange: Exchange) -> None:
    account = exchange.open_account(
        name="Main", wallets={"spot": {"USDT": "1234567.5"}, "futures": {"USDT": "2"}}
    )
    exchange.fail(account, "unauthorized", "futures")

    _, output = balances("--account", "Main")

    assert "1,234,567.50 USDT" in output
    assert "exchange_refused_key" in output


def test_unknown_account_is_a_bad_argument() -> None:
    with pytest.raises(CommandError, match="There is no account") as refused:
        balances("--account", "nobody")

    assert refused.value.returncode == 2


def test_all_shows_the_other_coins_beside_and_adds_none_of_them(exchange: Exchange) -> None:
    exchange.open_account(
        name="Main",
        wallets={"spot": {"USDT": "10", "BTC": "0.5", "DOGE": "0"}, "futures": {"USDT": "0"}},
    )

    code, output = balances("--all", "--json")

    spot, futures = json.loads(output)["accounts"][0]["pools"]
    assert code == 0
    assert (spot["amount"], spot["others"]) == ("10.00", {"BTC": "0.50000000"})
    assert (futures["amount"], futures["others"]) == ("0.00", {})
    assert "0.50000000 BTC" in balances("--all")[1]
    assert "others" not in balances("--json")[1]


def test_all_says_where_the_accounts_own_currency_is_not_listed(exchange: Exchange) -> None:
    exchange.open_account(venue="upbit", wallets={"spot": {"BTC": "0.5"}})

    code, output = balances("--all", "--json")

    (spot,) = json.loads(output)["accounts"][0]["pools"]
    assert code == 1
    assert (spot["amount"], spot["others"]) == (None, {"BTC": "0.50000000"})
    assert spot["error"].startswith("exchange_currency_missing")

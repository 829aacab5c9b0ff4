"""What the account says of its connection after each sync."""

import pytest

from capital.exchange.politeness import FAILURES_TO_PAUSE
from capital.models import Account
from capital.services.balances.sync import sync_balances
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db


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
    exchange.fail(account, None)

    assert code_after_sync(account) == ""


def test_account_says_that_it_is_left_alone_for_a_while(exchange: Exchange) -> None:
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1"}})
    exchange.fail(account, "unauthorized")

    codes = [code_after_sync(account) for _ in range(FAILURES_TO_PAUSE + 1)]

    assert codes == ["exchange_refused_key"] * FAILURES_TO_PAUSE + ["exchange_paused"]
    assert len(exchange.asked) == FAILURES_TO_PAUSE

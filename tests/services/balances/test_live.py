"""Wallets as they are on the exchange now, each account's own."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.reasons import Code
from capital.exchange.contract import KeyFacts, Observation
from capital.models import Account
from capital.services.balances.live import inspect_key, observe_balances, observe_wallets
from tests.simulated import Exchange

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def test_each_accounts_wallet_is_shown_with_its_other_coins(exchange: Exchange) -> None:
    main = exchange.open_account(
        venue="upbit", wallets={"spot": {"KRW": "1000", "BTC": "0.5", "ETH": "0"}}
    )
    without = exchange.open_account(venue="upbit", wallets={"spot": {"BTC": "2"}})
    down = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "3"}})
    exchange.fail(down, "server_error")
    unknown = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "4"}})
    Account.objects.filter(pk=unknown.pk).update(venue="ftx")

    ids = [down.pk, main.pk, unknown.pk + 1, without.pk]
    found = {each.account.pk: each for each in observe_wallets(ids, clock=lambda: NOON)}

    assert list(found) == [down.pk, main.pk, without.pk]
    assert (found[main.pk].answer, found[main.pk].others) == (
        Observation(Decimal(1000), NOON),
        {"BTC": Decimal("0.5")},
    )
    missing = found[without.pk]
    assert missing.answer.code is Code.EXCHANGE_CURRENCY_MISSING  # type: ignore[union-attr]
    assert missing.others == {"BTC": Decimal(2)}
    assert found[down.pk].answer.code is Code.EXCHANGE_UNREACHABLE  # type: ignore[union-attr]
    assert not found[down.pk].others
    answers = [each.answer for each in observe_wallets([unknown.pk])]
    assert {each.code for each in answers} == {Code.UNKNOWN_VENUE}  # type: ignore[union-attr]


def test_nobody_is_asked_where_live_balances_are_switched_off(
    exchange: Exchange, settings: Any
) -> None:
    settings.CAPITAL_LIVE_BALANCES = False
    account = exchange.open_account(venue="upbit", wallets={"spot": {"KRW": "1000"}})

    for observe in (observe_balances, observe_wallets):
        (only,) = observe([account.pk])
        assert only.answer.code is Code.LIVE_DISABLED  # type: ignore[union-attr]
    assert inspect_key(account) == KeyFacts()
    assert exchange.asked == []

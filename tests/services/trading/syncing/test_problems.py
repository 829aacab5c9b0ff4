"""What of the trades is not known is said of its account, and of no other."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from capital.domain.reasons import Code
from capital.exchange.trading.contract import Unread
from capital.models import Account, TradingCursor
from capital.services.sentences import sentence
from capital.services.trading.syncing.problems import trading_problems
from tests.factories import make_account
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seoul")]

SWAP = "GET /api/v5/trade/fills-history of SWAP"


def test_what_cannot_be_read_for_an_hour_is_said(
    account: Account, venue: Venue, sync: Sync, django_assert_num_queries: Any
) -> None:
    other = make_account(venue="okx", api_key="key", api_secret="s", api_passphrase="p")
    sync(0, account, other)
    venue.failures[SWAP] = refused()
    sync(50, account)
    sync(50, other)

    assert trading_problems([account.pk, other.pk], now=BEGAN + 60 * MINUTE) == {}
    venue.failures.clear()
    sync(61, other)
    with django_assert_num_queries(1):
        found = trading_problems([account.pk, other.pk], now=BEGAN + 61 * MINUTE)

    assert list(found) == [account.pk]
    (reason,) = found[account.pk]
    assert (reason.code, reason.figures["cause"]) == (Code.TRADES_UNREAD, "exchange_error")
    assert SWAP in sentence(reason)
    with override_settings(CAPITAL_SYNC_FILLS_MINUTES=0):
        assert trading_problems([account.pk], now=BEGAN + 61 * MINUTE) == {}


def test_what_is_missing_or_was_not_booked_is_said(
    account: Account, venue: Venue, sync: Sync
) -> None:
    sync(0, account)
    venue.unread[SWAP] = (Unread("PEPE-SWAP", "an unknown instrument", "77"),)
    sync(5, account)
    TradingCursor.objects.filter(endpoint=SWAP).update(missing_since=BEGAN - timedelta(days=1))

    found = trading_problems([account.pk], now=BEGAN + 6 * MINUTE)[account.pk]

    assert [reason.code for reason in found] == [Code.TRADES_MISSING, Code.TRADES_NOT_BOOKED]
    assert "2026-03-09 09:00" in sentence(found[0])
    assert found[1].figures["rows"] == "1"

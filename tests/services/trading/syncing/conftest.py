"""One venue that the test scripts, in the place of all exchanges."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from capital.models import Account
from capital.services.trading import sync_fills
from tests.factories import make_account, make_market
from tests.services.trading.syncing.venue import BEGAN, MINUTE, Sync, Venue


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Venue:
    """In the place of all exchanges."""
    found = Venue()
    for name in ("get_trading_gateway", "get_spare_gateway"):
        monkeypatch.setattr(f"capital.services.trading.syncing.sync.{name}", lambda *, until: found)
    return found


@pytest.fixture
def account(venue: Venue) -> Account:
    """On an exchange that tells all fills at once, and whose fills have client order ids."""
    for symbol in ("BTC/USDT:USDT", "BTC/USDT"):
        make_market(symbol, venue="okx")
    return make_account(venue="okx", api_key="key", api_secret="s", api_passphrase="p")


@pytest.fixture
def sync(venue: Venue) -> Sync:
    """Sync these accounts, so many minutes after the beginning."""

    def at(minutes: float, *accounts: Account, **given: Any) -> dict[str, int]:
        now: datetime = BEGAN + minutes * MINUTE
        given.setdefault("seconds", timedelta(seconds=30))
        return dict(sync_fills([each.pk for each in accounts], clock=lambda: now, **given))

    return at

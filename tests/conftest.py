"""What all tests share: the simulated exchange over real HTTP, and no way to a real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from capital.exchange.politeness import SHARED
from capital.exchange.venues import VENUES
from capital.models import Account
from capital.services.markets.prices import forget_prices
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.factories import make_account

# Nothing listens on port 9 of this machine: a request that escapes the simulator fails at once.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_real_exchange(settings: Any) -> None:
    settings.CAPITAL_VENUE_URLS = dict.fromkeys(VENUES, NOWHERE)


@pytest.fixture(autouse=True)
def _no_grudge() -> None:
    """What one test's exchange did is not held against the next one's at the same port."""
    SHARED.forget()


@pytest.fixture(autouse=True)
def _language_of_the_settings() -> Iterator[None]:
    """A request leaves the reader's language switched on."""
    yield
    translation.deactivate()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why a test of PostgreSQL does not run on SQLite."""
    if connection.vendor == "postgresql":
        return
    skip = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL=postgres://…")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)


def _secret_of(venue: str, number: int) -> str:
    """Kraken takes Base64 only."""
    secret = f"CANARYsecret{venue}{number}"
    return secret + "A" * (-len(secret) % 4)


@dataclass
class Exchange:
    """The simulator of one test, and the accounts that were opened on it."""

    server: SimulatedExchange
    desk: ExchangeState
    keys: dict[int, str] = field(default_factory=dict)

    def open_account(
        self, *, venue: str = "binance", wallets: dict[str, dict[str, str]], **fields: Any
    ) -> Account:
        """An account of ours with its twin on the exchange: same keys, these wallets.

        It believes every balance; a test of the jump guard says otherwise.
        """
        number = len(self.keys) + 1
        fields.setdefault("max_jump_percent", None)
        currency = fields.setdefault("currency", VENUES[venue].currency)
        key = f"CANARY-key-{venue}-{number}"
        twin = SimulatedAccount(
            venue=venue,
            api_key=key,
            api_secret=_secret_of(venue, number),
            api_passphrase=(
                f"CANARY-passphrase-{number}"
                if "api_passphrase" in VENUES[venue].credentials
                else ""
            ),
            currency=currency,
            wallets=wallets,
        )
        self.desk.add(twin)
        account = make_account(
            venue=venue,
            api_key=twin.api_key,
            api_secret=twin.api_secret,
            api_passphrase=twin.api_passphrase,
            **fields,
        )
        self.keys[account.pk] = key
        return account

    def set_balance(self, account: Account, pool: str, amount: str) -> None:
        """From now on the exchange says this."""
        self.desk.set_balance(self.keys[account.pk], pool, account.currency, amount)

    def fail(
        self, account: Account, fault: str | None, pool: str | None = None, **times: int
    ) -> None:
        """From now on the exchange fails so; None: no longer."""
        self.desk.set_fault(self.keys[account.pk], fault, pool=pool, **times)

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Venue and pool of every request so far."""
        return [(request.venue, request.pool) for request in self.server.requests]


@pytest.fixture
def exchange(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """Every venue, simulated, and the settings that lead there."""
    # A machine that is busy with other tests may take longer than a bot would wait.
    monkeypatch.setattr("capital.exchange.ccxt.markets.PRICE_SECONDS", 15)
    desk = ExchangeState()
    forget_prices()
    with SimulatedExchange(desk) as server:
        settings.CAPITAL_VENUE_URLS = dict.fromkeys(VENUES, server.base_url)
        yield Exchange(server, desk)

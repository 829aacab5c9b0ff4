import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount


def accounts() -> list[SimulatedAccount]:
    """One account of each venue, and a second one of a venue with two pools."""
    return [
        SimulatedAccount(
            name="Binance one",
            venue="binance",
            api_key="test-binance-one-key",
            api_secret="test-binance-one-secret",
            wallets={
                "spot": {"USDT": "10369.00", "BTC": "0.12345678"},
                "futures": {"USDT": "5000.00"},
            },
        ),
        SimulatedAccount(
            name="Binance two",
            venue="binance",
            api_key="test-binance-two-key",
            api_secret="test-binance-two-secret",
            wallets={"spot": {"USDT": "3000.00"}, "futures": {"USDT": "2000.00"}},
        ),
        SimulatedAccount(
            name="Bybit",
            venue="bybit",
            api_key="test-bybit-key",
            api_secret="test-bybit-secret",
            wallets={"unified": {"USDT": "25000.123456", "ETH": "0"}},
        ),
        SimulatedAccount(
            name="OKX",
            venue="okx",
            api_key="test-okx-key",
            api_secret="test-okx-secret",
            api_passphrase="test-okx-passphrase",
            wallets={"unified": {"USDT": "8342.515", "ETH": "0.000"}},
        ),
        SimulatedAccount(
            name="Upbit",
            venue="upbit",
            api_key="test-upbit-key",
            api_secret="test-upbit-secret",
            currency="KRW",
            wallets={"spot": {"KRW": "12345678.9", "BTC": "0.00000001"}},
        ),
        SimulatedAccount(
            name="Bithumb",
            venue="bithumb",
            api_key="test-bithumb-key",
            api_secret="test-bithumb-secret",
            currency="KRW",
            wallets={"spot": {"KRW": "4500000"}},
        ),
    ]


POOLS = [(account.name, pool) for account in accounts() for pool in account.pools]


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(ExchangeState(accounts())) as exchange:
        yield exchange


@pytest.fixture
def account_named(exchange: SimulatedExchange) -> Callable[[str], SimulatedAccount]:
    return {account.name: account for account in exchange.desk.accounts}.__getitem__


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@pytest.fixture
def send(exchange: SimulatedExchange) -> Callable[..., Answer]:
    """Sends a plain request, without ccxt."""

    def send(path: str, *, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(exchange.base_url + path, data, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer(response.status, dict(response.headers), response.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read().decode())

    return send

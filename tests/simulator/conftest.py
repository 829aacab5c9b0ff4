import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount
from tests.simulator.accounts import accounts


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    with SimulatedExchange(ExchangeState(accounts())) as exchange:
        yield exchange


@pytest.fixture
def account_named(exchange: SimulatedExchange) -> Callable[[str], SimulatedAccount]:
    return {account.name: account for account in exchange.state.accounts}.__getitem__


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

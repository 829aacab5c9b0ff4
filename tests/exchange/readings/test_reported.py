"""Answers that other projects reported as read wrong, each with its right value.

Real ccxt over real HTTP: a venue with a row is simulated, with its signatures; at any other one the
answers are served by their paths.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.politeness import Politeness
from capital.exchange.venues import VENUES, get_venue
from tests.exchange.asking import NOW, ask, simulated_account
from tests.exchange.readings.plain_server import PlainServer

REPORTED = sorted(Path(__file__).with_name("reported").glob("*.json"))
CASES = [
    pytest.param(path, pool, basis, id=f"{path.stem}-{pool}-{basis}")
    for path in REPORTED
    for pool, by_basis in json.loads(path.read_text(encoding="utf-8"))["expected"].items()
    for basis in by_basis
]


def read_with_a_row(case: dict[str, Any], pool: str, basis: BalanceBasis) -> Any:
    account = simulated_account(case["venue"], currency=case["currency"], recorded=case["answers"])
    (answer,), _ = ask(account, pool, basis=basis)
    return answer


def read_without_a_row(case: dict[str, Any], pool: str, basis: BalanceBasis) -> Any:
    request = BalanceRequest(
        account_id=1,
        venue=get_venue(case["venue"]),
        currency=case["currency"],
        pools=[Pool(pool)],
        credentials=Credentials("key", "secret", "phrase"),
        balance_basis=basis,
    )
    with PlainServer(case["answers"]) as server:
        gateway = CcxtGateway(
            venue_urls={case["venue"]: server.base_url}, concurrency=1, politeness=Politeness()
        )
        return gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool(pool)]


@pytest.mark.parametrize(("path", "pool", "basis"), CASES)
def test_reported_answer_is_read_right(path: Path, pool: str, basis: str) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    read = read_with_a_row if case["venue"] in VENUES else read_without_a_row

    answer = read(case, pool, BalanceBasis(basis))

    expected = case["expected"][pool][basis]
    if isinstance(answer, Observation):
        assert answer.amount == Decimal(expected), case["says"]
    else:
        assert answer.code.value == expected, case["says"]

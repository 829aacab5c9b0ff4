"""Recorded and documented responses of the venues, replayed over HTTP through the gateway.

The responses are kept beside the repository, not in it. Where they are missing the tests say so
and are skipped: the repository's own tests need nothing outside it. Every number below was read
off its response, and worked out, by hand.
"""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState
from tests.exchange.asking import NOW, gateway_to, request_for, simulated_account
from tests.paths import ROOT

RESPONSES = Path(os.environ.get("EXCHANGE_RESPONSES", ROOT.parent / "shared" / "exchanges"))
FILES = sorted(RESPONSES.glob("*/fetchBalance_*.json"))

if not FILES:
    pytest.skip(
        "no recorded responses: set EXCHANGE_RESPONSES to their folder", allow_module_level=True
    )

MISSING, OVER_ALL = Code.EXCHANGE_BAD_ANSWER, Code.BASIS_OVER_CURRENCIES
WITH_PNL = Code.BASIS_WITH_PNL_ONLY

# File to pool, and currency to wallet, equity and free: an amount, or why there is none.
EXPECTED: dict[str, tuple[str, dict[str, tuple[str | Code, str | Code, str | Code]]]] = {
    "binance/fetchBalance_1": ("spot", {
        "BTC": ("0", "0", "0"),
        "LTC": ("0.919741", "0.919741", "0.919741"),
        "ETH": ("0.02229833", "0.02229833", "0.02229833"),
    }),
    "binance/fetchBalance_2": ("futures", {"USDT": ("31.022612", "31.022612", "31.022612")}),
    "binance/fetchBalance_5": ("spot", {"BTC": ("0.00219821", "0.00219821", "0.00219821")}),
    "binance/fetchBalance_7": ("futures", {"BNB": ("0.01", "0.01", "0.01")}),
    "bitget/fetchBalance_3": ("spot", {"USDT": ("0", "0", "0")}),
    "bitget/fetchBalance_5": ("unified", {"USDT": ("6.19300826", "6.19300826", "6.19300826")}),
    "bybit/fetchBalance_3": ("unified", {"BTC": ("0.805994", "0.805994", "0.805994")}),
    "gate/fetchBalance_1": ("spot", {"DBC": ("0", "0", "0")}),
    # 12.51345151332 + 13.315100000006
    "gate/fetchBalance_4": ("futures", {"USDT": ("12.51345151332", "25.828551513326", "0")}),
    "gate/fetchBalance_7": ("unified", {
        "ETH": (WITH_PNL, "1016.1", "0"),
        "POINT": (WITH_PNL, "12016.1", "9999999999.017023138734"),
        "USDT": (WITH_PNL, "16.1", "0.00000062023"),
    }),
    # HT has a frozen line only: what may be traded is not said, and that is not zero.
    "htx/fetchBalance_1": ("spot", {
        "LUN": ("0", "0", "0"),
        "HT": (MISSING, MISSING, MISSING),
    }),
    "hyperliquid/fetchBalance_1": ("spot", {
        "USDC": ("1.2908594", "1.2908594", "1.2908594"),
        "HYPE": ("4.43762752", "4.43762752", "4.43762752"),
        "ETH": ("0.003397716", "0.003397716", "0.003397716"),
        "SOL": ("0.07894692", "0.07894692", "0.07894692"),
        "USDH": ("0.00621736", "0.00621736", "0.00621736"),
    }),
    "hyperliquid/fetchBalance_3": ("futures", {"USDC": ("20.454862", "20.454862", "20.454862")}),
    "hyperliquid/fetchBalance_4": ("futures", {"USDC": ("100", "100", "100")}),
    # 25435.21 - 8249.76, 1.2435 - 0.8423
    "kraken/fetchBalance_1": ("spot", {
        "USD": ("25435.21", OVER_ALL, "17185.45"),
        "BTC": ("1.2435", OVER_ALL, "0.4012"),
    }),
    "mexc/fetchBalance_1": ("spot", {
        "USDT": ("0.000000000674", "0.000000000674", "0.000000000674"),
    }),
    "okx/fetchBalance_1": ("unified", {
        "TUSD": ("3000", "3000", "3000"),
        "TRX": ("10000", "10000", "10000"),
        "LTC": ("10.29979", "10.29979", "10.19979"),
        "ADA": ("1000", "1000", "1000"),
        # Orders freeze 441.02, far more than the equity: what is free is what it says, zero.
        "USDT": ("0.000258796", "0.000258796", "0"),
    }),
    "okx/fetchBalance_2": ("unified", {"USDT": ("28.21006347", "28.21006347", "28.21006347")}),
    "okx/fetchBalance_3": ("unified", {"BTC": ("0.049", "0.049", "0.049")}),
    "upbit/fetchBalance_1": ("spot", {
        "BTC": ("0.005", "0.005", "0.005"),
        "ETH": ("0.1", "0.1", "0.1"),
    }),
}  # fmt: skip


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_every_response_is_checked() -> None:
    assert {name_of(path) for path in FILES} <= set(EXPECTED)


@pytest.mark.parametrize("basis", BalanceBasis)
@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_recorded_response_is_read_to_the_last_digit(path: Path, basis: BalanceBasis) -> None:
    response: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    pool, currencies = EXPECTED[name_of(path)]
    account = simulated_account(response["exchange"], recorded={pool: response["httpResponse"]})
    requests = []
    for number, currency in enumerate(currencies):
        account.currency = currency
        requests.append(request_for(account, [pool], number, basis))
    with SimulatedExchange(ExchangeState([account])) as server:
        answers = gateway_to(server).fetch_balances(requests, clock=lambda: NOW)

    position = list(BalanceBasis).index(basis)
    for number, (currency, by_basis) in enumerate(currencies.items()):
        answer, expected = answers[number, Pool(pool)], by_basis[position]
        if isinstance(expected, Code):
            assert isinstance(answer, Reason), currency
            assert answer.code is expected, currency
        else:
            assert answer == Observation(Decimal(expected), NOW), currency

"""Venues without a row: which basis their answers show, and who knows the decimals."""

import inspect
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.async_support
import pytest

from capital.domain.balances import BalanceBasis, Observation
from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool
from capital.domain.reasons import Code
from capital.exchange.ccxt.balances import CcxtGateway
from capital.exchange.contract import BalanceRequest, Credentials
from capital.exchange.politeness import Politeness
from capital.exchange.shown import (
    Shown,
    check_free,
    check_listed_once,
    total_of_parts,
    wallet_shown,
)
from capital.exchange.unproven import SCALED
from capital.exchange.venues import VENUES, get_venue
from tests.exchange.asking import NOW
from tests.exchange.readings.plain_server import PlainServer

WALLET, EQUITY, FREE = BalanceBasis
PHEMEX = json.loads(
    Path(__file__)
    .with_name("reported")
    .joinpath("phemex_scaled_amounts.json")
    .read_text(encoding="utf-8")
)


def code_of(error: BalanceUnavailable) -> Code:
    """Why there is no balance, which is told of the venue that was asked."""
    assert error.reason.figures["venue"] == "somewhere"
    return error.reason.code


def shown(total: str, info: Any) -> Any:
    try:
        return wallet_shown({"total": Decimal(total)}, info, "USDT", "somewhere", str.upper)
    except BalanceUnavailable as error:
        return code_of(error)


def entry(**fields: Any) -> dict[str, Any]:
    return {"currency": "USDT", **fields}


@pytest.mark.parametrize(
    ("total", "info", "expected"),
    [
        # The total has the PnL in it, and something else is what is left without it.
        ("12.3", entry(equity="12.3", balance="10", unrealizedPnl="2.3"), ("10", "balance")),
        ("8", entry(equity="8", cash="10.5", unrealised="-2.5"), ("10.5", "cash")),
        # The total has no PnL in it.
        ("10", entry(equity="12.3", balance="10", unrealizedPnl="2.3"), ("10", "balance")),
        # Nothing is unrealised: both are the same.
        ("10", entry(total="10", upl="0"), ("10", "total")),
        ("10", entry(equity="10", balance="10", upl="0"), ("10", "balance")),
        ("10", entry(equity="10", upl="0"), ("10", "equity")),
        # By its name alone, which is all there is.
        ("12.3", entry(equity="12.3", unrealizedPnl="2.3"), ("10", "equity")),
        ("10", entry(walletBalance="10", unrealizedPnl="2.3"), ("10", "walletBalance")),
        # In parts; under the name of the currency; deep in it.
        ("12", entry(equity="12", balance="9", crossUnrealized="2", isolatedUnrealized="1"),
         ("9", "balance")),
        ("12.3", {"usdt": {"equity": "12.3", "balance": "10", "upl": "2.3"}}, ("10", "balance")),
        ("12.3", {"data": [{"x": [entry(equity="12.3", b="10", upl="2.3")]}]}, ("10", "b")),
        # Positions, and other currencies, are something else.
        ("12.3", {"a": [entry(equity="12.3", b="10", upl="2.3")], "p": [entry(upl="2.3", qty="1")]},
         ("10", "b")),
        ("12.3", [{"currency": "BTC", "equity": "12.3", "b": "10", "upl": "2.3"}], None),
        # What is not shown is not guessed.
        ("12.3", entry(total="12.3"), None),
        ("12.3", entry(total="12.3", unrealizedPnl="2.3"), None),
        ("12.3", entry(total="12.3", unrealizedPnl=None), None),
        ("12.3", entry(total="12.3", unrealizedPnl="much"), None),
        ("5", entry(a="5", b="3", c="7", unrealizedPnl="2"), None),
        ("5", entry(a="5", b="3", unrealizedPnl="2", realUnrealized="4"), None),
        ("5", {"x": [entry(equity="5", b="3", upl="2"), entry(equity="5", b="4", upl="1")]}, None),
        ("5", [], None),
    ],
)  # fmt: skip
def test_wallet_is_what_the_answer_shows(total: str, info: Any, expected: Any) -> None:
    found = shown(total, info)

    if expected is None:
        assert found is Code.BASIS_UNPROVEN
    else:
        assert found == Shown(Decimal(expected[0]), expected[1])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"total": "7", "free": "5", "used": "2"}, Decimal(7)),
        ({"total": "7", "free": "5", "used": None}, Decimal(7)),
        ({"total": "7", "free": "5", "used": "1"}, Code.BASIS_UNPROVEN),
        ({"total": None, "free": "5", "used": "1"}, Code.EXCHANGE_BAD_ANSWER),
    ],
)
def test_spot_total_is_the_sum_of_its_parts(parts: dict[str, Any], expected: Any) -> None:
    try:
        found: Any = total_of_parts(parts, "somewhere")
    except BalanceUnavailable as error:
        found = code_of(error)

    assert found == expected


@pytest.mark.parametrize(
    ("free", "info", "is_refused"),
    [
        ("10", [], False),
        ("10.01", [], True),
        # The PnL may be in what is free and not in the total.
        ("12.3", entry(balance="10", unrealizedPnl="2.3"), False),
        ("12.31", entry(balance="10", unrealizedPnl="2.3"), True),
        ("12.31", entry(balance="10", unrealizedPnl="much"), True),
        (None, [], False),
    ],
)
def test_free_that_counts_other_currencies_is_refused(
    free: str | None, info: Any, *, is_refused: bool
) -> None:
    code = None

    try:
        check_free({"free": free, "total": "10"}, info, "USDT", "somewhere", str.upper)
    except BalanceUnavailable as error:
        code = code_of(error)

    assert code is (Code.BASIS_OVER_CURRENCIES if is_refused else None)


# The account's currency twice, of which ccxt takes the last


@pytest.mark.parametrize(
    ("rows", "is_refused"),
    [
        ([{"coin": "USDT", "total": "10"}], False),
        ([{"coin": "USDT", "total": "10"}, {"coin": "USDC", "total": "10"}], False),
        ([{"coin": "USDT", "total": "10"}, {"coin": "USDT", "total": "999"}], True),
        ([{"coin": "USDT", "total": "10"}, {"coin": "usdt", "total": 10}], False),
        ([{"coin": "USDT", "total": "10"}] * 2, True),
        # Of two wallets, and two positions whose margin it is.
        (
            [
                {"coin": "USDT", "type": "spot", "total": "10"},
                {"coin": "USDT", "type": "margin", "total": "999"},
            ],
            False,
        ),
        ([{"symbol": "BTC", "marginCoin": "USDT"}, {"symbol": "ETH", "marginCoin": "USDT"}], False),
        (["USDT", "USDT"], False),
    ],
)
@pytest.mark.parametrize("path", [(), ("data",), ("data", 0, "details")])
def test_currency_that_is_listed_twice_is_no_balance(
    rows: list[Any], path: tuple[Any, ...], *, is_refused: bool
) -> None:
    info: Any = rows
    for step in reversed(path):
        info = [info] if step == 0 else {step: info}
    code = None

    try:
        check_listed_once(info, "USDT", "somewhere", str.upper)
    except BalanceUnavailable as error:
        code = code_of(error)

    assert code is (Code.EXCHANGE_BAD_ANSWER if is_refused else None)


@pytest.mark.parametrize("basis", [WALLET, FREE])
@pytest.mark.parametrize("more", [{"equity": "1", "balance": "1", "available": "1"}, {}])
def test_last_entry_of_several_is_not_read(basis: BalanceBasis, more: dict[str, str]) -> None:
    """Blofin's answer of ``reported``, with a second entry of USDT: ccxt says 1."""
    path = Path(__file__).with_name("reported").joinpath("blofin_total_is_equity.json")
    answers = json.loads(path.read_text(encoding="utf-8"))["answers"]
    details = answers["/api/v1/account/balance"]["data"]["details"]
    details.append({**details[0], **more})
    request = BalanceRequest(
        account_id=1,
        venue=get_venue("blofin"),
        currency="USDT",
        pools=[Pool.FUTURES],
        credentials=Credentials("key", "secret", "phrase"),
        balance_basis=basis,
    )

    with PlainServer(answers) as server:
        gateway = CcxtGateway(
            venue_urls={"blofin": server.base_url}, concurrency=1, politeness=Politeness()
        )
        answer = gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.FUTURES]

    assert not isinstance(answer, Observation)
    assert answer.code is Code.EXCHANGE_BAD_ANSWER


# Decimals that ccxt has to know


def ask_phemex(
    answers: dict[str, Any], currency: str = "USD", *, times: int = 1
) -> tuple[list[Any], list[str]]:
    request = BalanceRequest(
        1, get_venue("phemex"), currency, [Pool.SPOT], Credentials("key", "secret")
    )
    with PlainServer(answers) as server:
        gateway = CcxtGateway(
            venue_urls={"phemex": server.base_url}, concurrency=1, politeness=Politeness()
        )
        found = [
            gateway.fetch_balances([request], clock=lambda: NOW)[1, Pool.SPOT] for _ in range(times)
        ]
    return found, server.asked


def test_decimals_of_currencies_are_asked_for_once() -> None:
    found, asked = ask_phemex(PHEMEX["answers"], times=2)

    assert found == [Observation(Decimal("1000.1234"), NOW)] * 2
    assert sorted(asked) == ["/public/products", "/spot/wallets", "/spot/wallets"]


def test_currency_of_other_decimals_is_shifted_by_its_own() -> None:
    (found,), _ = ask_phemex(PHEMEX["answers"], "BTC")

    assert found == Observation(Decimal("0.10001234"), NOW)


@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_amount_whose_decimals_are_unknown_is_no_balance(
    currency: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capital.exchange.ccxt.balances.RETRY_PAUSE_SECONDS", 0.001)
    wallets = {**PHEMEX["answers"]["/spot/wallets"], "data": [
        {**row, "currency": currency} for row in PHEMEX["answers"]["/spot/wallets"]["data"][:1]
    ]}  # fmt: skip
    # Of a currency that is not listed, or of all.
    answers = {**PHEMEX["answers"], "/spot/wallets": wallets}
    if currency == "USD":
        del answers["/public/products"]

    (found,), asked = ask_phemex(answers, currency)

    assert not isinstance(found, Observation)
    assert "/spot/wallets" not in asked


def test_other_currencies_are_shown_only_if_their_decimals_are_known() -> None:
    answers = json.loads(json.dumps(PHEMEX["answers"]))
    answers["/spot/wallets"]["data"].append(
        {"currency": "NEW", "balanceEv": 5, "lockedTradingBalanceEv": 0, "lockedWithdrawEv": 0}
    )
    request = BalanceRequest(
        1, get_venue("phemex"), "USD", [Pool.SPOT], Credentials("key", "secret")
    )
    with PlainServer(answers) as server:
        gateway = CcxtGateway(
            venue_urls={"phemex": server.base_url}, concurrency=1, politeness=Politeness()
        )
        found = gateway.fetch_wallets([request])[1, Pool.SPOT]

    assert found == {"USD": Decimal("1000.1234"), "BTC": Decimal("0.10001234")}


def test_every_venue_whose_amounts_ccxt_shifts_is_one_of_these() -> None:
    """By ccxt's source: what its balances take from what it knows of a currency."""
    shifting = set()
    for venue in set(ccxt.async_support.exchanges) - set(VENUES):
        for name, function in inspect.getmembers(
            getattr(ccxt.async_support, venue), inspect.isfunction
        ):
            if "balance" in name and not name.startswith("safe"):
                source = inspect.getsource(function)
                if re.search(r"[Ss]cale|currency\['precision'\]|from_en\(|from_ev\(", source):
                    shifting.add(venue)

    assert shifting == SCALED

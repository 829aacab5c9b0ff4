"""What a fill or a flow does to an account: its balance, its position, and what it realised."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from capital.domain.pools import Pool
from capital.simulator.errors import SimulatorError
from capital.simulator.server import SimulatedExchange
from capital.simulator.state import ExchangeState, SimulatedAccount

KEY = "key"
SPOT = {"symbol": "BTC/USDT", "quantity": "0.1", "price": "50000"}
SWAP = {"symbol": "BTC/USDT:USDT", "quantity": "2", "price": "100"}
COIN = {"symbol": "BTC/USD:BTC", "quantity": "100", "price": "10000"}


def state(**fields: Any) -> ExchangeState:
    wallets = {"spot": {"USDT": "10000.00"}, "futures": {"USDT": "500", "BTC": "1"}}
    account = SimulatedAccount(
        venue="binance", api_key=KEY, api_secret="secret", wallets=wallets, **fields
    )
    return ExchangeState([account])


def wallet(desk: ExchangeState, pool: Pool) -> Mapping[str, str]:
    (account,) = desk.accounts
    return account.wallets[pool]


def test_a_purchase_moves_both_currencies_and_its_fees() -> None:
    desk = state()

    desk.fill(KEY, {**SPOT, "side": "buy", "fees": [{"amount": "0.0001", "currency": "BTC"}]})
    desk.fill(KEY, {**SPOT, "side": "sell", "quantity": "0.05", "price": "60000"})

    assert wallet(desk, Pool.SPOT) == {"USDT": "8000.00", "BTC": "0.0499"}


def test_what_is_not_there_cannot_be_sold_paid_or_withdrawn() -> None:
    desk = state()

    for told in ({"side": "sell"}, {"side": "buy", "quantity": "0.3"}):
        with pytest.raises(SimulatorError, match="the account has only"):
            desk.fill(KEY, {**SPOT, **told})
    with pytest.raises(SimulatorError, match=r"the account has only 10000\.00 USDT"):
        desk.flow(KEY, {"kind": "withdrawal", "currency": "USDT", "amount": "-10000.01"})

    assert wallet(desk, Pool.SPOT) == {"USDT": "10000.00"}
    assert desk.book_of(desk.accounts[0]).fills == []


def test_average_cost_realises_as_a_position_grows_shrinks_and_turns() -> None:
    desk = state()
    sides = (("buy", "1", "100"), ("buy", "1", "110"), ("sell", "1", "120"), ("sell", "2", "90"))

    realised = [
        desk.fill(KEY, {**SWAP, "side": side, "quantity": quantity, "price": price}).realised
        for side, quantity, price in sides
    ]
    (position,) = desk.book_of(desk.accounts[0]).positions

    assert realised == [0, 0, 15, -15]
    assert [position.quantity, position.entry] == [Decimal(-1), Decimal(90)]
    assert wallet(desk, Pool.FUTURES)["USDT"] == "500"


def test_inverse_contracts_realise_in_the_coin() -> None:
    desk = state()

    desk.fill(KEY, {**COIN, "side": "buy"})
    fill = desk.fill(KEY, {**COIN, "side": "sell", "price": "12500"})

    # 100 contracts of 100 dollars: 10,000 × (1 ÷ 10,000 − 1 ÷ 12,500).
    assert fill.realised == Decimal("0.2")
    assert wallet(desk, Pool.FUTURES)["BTC"] == "1.2"


def test_what_is_open_is_in_the_equity_at_the_price_of_now() -> None:
    desk = state()
    desk.fill(KEY, {**SWAP, "side": "sell", "price": "62000"})

    visit = desk.visit(desk.accounts[0], Pool.FUTURES, {"BTC/USDT": "61000"}.__getitem__)

    assert visit.unrealised == {"USDT": "2000"}
    assert visit.amounts["USDT"] == "500"


def test_funding_needs_a_position_and_moves_the_balance() -> None:
    desk = state()
    told = {"kind": "funding", "symbol": "BTC/USDT:USDT", "currency": "USDT", "amount": "-1.5"}
    with pytest.raises(SimulatorError, match="which is not held"):
        desk.flow(KEY, told)
    desk.fill(KEY, {**SWAP, "side": "buy"})

    desk.flow(KEY, told)

    assert wallet(desk, Pool.FUTURES)["USDT"] == "498.5"


def test_what_was_traded_before_lies_behind_the_balance() -> None:
    desk = state(
        traded=[{**SWAP, "side": "buy"}, {"kind": "deposit", "currency": "USDT", "amount": "7"}]
    )

    assert wallet(desk, Pool.FUTURES)["USDT"] == "500"
    assert wallet(desk, Pool.SPOT)["USDT"] == "10000.00"
    assert len(desk.book_of(desk.accounts[0]).positions) == 1


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"symbol": "DOGE/USDT"}, "does not trade"),
        ({"quantity": "0"}, "above zero"),
        ({"quantity": 1}, "plain decimal string"),
        ({"side": "hold"}, "side must be one of"),
        ({"at": 10**15}, "in the future"),
        ({"at": "now"}, "whole number"),
        ({"pool": "unified"}, "no pool"),
        ({"fees": [{"amount": "1"}]}, "fees must be like"),
        ({"fees": [{"amount": "1", "currency": "BNB"}] * 2}, "at most 1 fees"),
        ({"id": 7}, "id must be text"),
    ],
)
def test_a_fill_that_cannot_be_is_refused(told: dict[str, Any], problem: str) -> None:
    with pytest.raises(SimulatorError, match=problem):
        state().fill(KEY, {**SPOT, "side": "buy", **told})


def test_a_venue_executes_in_the_order_of_time() -> None:
    desk = state()
    desk.fill(KEY, {**SPOT, "side": "buy", "at": 1_700_000_000_000})

    with pytest.raises(SimulatorError, match="the order of time"):
        desk.fill(KEY, {**SPOT, "side": "buy", "at": 1_600_000_000_000})


def test_one_side_of_a_hedged_account_closes_no_more_than_it_holds() -> None:
    desk = state()
    desk.fill(KEY, {**SWAP, "side": "sell", "position_side": "short"})

    with pytest.raises(SimulatorError, match="closes more than what is short"):
        desk.fill(KEY, {**SWAP, "side": "buy", "quantity": "3", "position_side": "short"})


def test_fills_and_flows_are_told_over_http(
    exchange: SimulatedExchange, send: Callable[..., Any]
) -> None:
    key = "test-binance-one-key"
    told = {**SWAP, "api_key": key, "side": "buy", "id": "7"}

    assert send("/simulator/fills", body=told).json == {"id": "7", "realised": "0"}
    flow = {"api_key": key, "kind": "deposit", "currency": "USDT", "amount": "5", "id": "8"}
    assert send("/simulator/flows", body=flow).json == {"id": "8"}
    refused = send("/simulator/fills", body={"api_key": key})
    assert (refused.status, "is missing" in refused.json["error"]) == (400, True)
    wrong = send("/simulator/flows", body={**flow, "amount": "-5"})
    assert (wrong.status, "above zero" in wrong.json["error"]) == (400, True)
    account = exchange.state.find(key)
    assert account is not None
    assert account.wallets[Pool.SPOT]["USDT"] == "10374.00"


def test_a_fault_that_lasts_is_of_questions_about_trading_too(
    exchange: SimulatedExchange, send: Callable[..., Any]
) -> None:
    """One with a count is of balances, so that a job that reads fills does not use it up."""
    account = exchange.state.find("test-binance-one-key")
    assert account is not None
    exchange.state.set_fault(account.api_key, "server_error", "spot", 1)

    assert exchange.state.lasting_fault(account, Pool.SPOT) is None
    exchange.state.set_fault(account.api_key, "server_error", "spot")
    assert exchange.state.lasting_fault(account, Pool.SPOT) == "server_error"

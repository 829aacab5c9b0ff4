"""How trading is asked for: what fails says why, and no balance waits for it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt import accounts
from capital.exchange.ccxt.fills import CcxtTrading
from capital.exchange.politeness import Politeness
from capital.exchange.trading.contract import FillsQuestion, Told
from capital.exchange.trading.venues import trading_of
from tests.exchange.asking import request_for, simulated_account
from tests.exchange.readings.plain_server import PlainServer
from tests.exchange.trading.answers import SINCE, all_in, read, request_of

PATH = "/api/v1/fills"
CASE = all_in("kinds")["kucoin-spot, fee in KCS"]
EMPTY = {"code": "200000", "data": {"items": []}}


def ask(server: PlainServer, politeness: Politeness, **options: Any) -> Any:
    request = request_of(CASE)
    gateway = CcxtTrading(
        venue_urls={"kucoin": server.base_url}, concurrency=1, politeness=politeness, **options
    )
    call = trading_of("kucoin").fills[Pool.SPOT][0]
    question = FillsQuestion(call, SINCE, SINCE + timedelta(hours=1))
    (answer,) = gateway.fetch_fills(request, [question])
    return answer


def test_nothing_is_asked_where_there_is_no_question() -> None:
    gateway = CcxtTrading(venue_urls={}, concurrency=1)
    request = request_of(CASE)

    assert gateway.fetch_fills(request, []) == []
    assert gateway.fetch_positions(request, []) == []
    assert gateway.fetch_flows(request, [], since=SINCE, until=SINCE) == []


@pytest.mark.parametrize(
    "body",
    [
        {"code": "200000", "data": {}},
        {"code": "200000", "data": {"items": "none"}},
        {"code": "200000"},
    ],
)
def test_an_answer_without_a_list_is_no_empty_list(body: Any) -> None:
    answer = read(CASE, body)

    assert isinstance(answer, Reason)
    assert answer.figures == {"venue": "kucoin", "kind": "no list of rows"}


def test_an_answer_that_lay_in_a_cache_is_none() -> None:
    with PlainServer({PATH: EMPTY}, headers={"Age": "90"}) as server:
        answer = ask(server, Politeness())

    assert isinstance(answer, Reason)
    assert answer.code is Code.ANSWER_OLD


def test_a_private_key_in_place_of_its_name_is_not_sent() -> None:
    with PlainServer({PATH: EMPTY}) as server:
        request = request_of(CASE)
        nobody = replace(request.account.credentials, api_key="-----BEGIN PRIVATE KEY-----")
        request = replace(request, account=replace(request.account, credentials=nobody))
        gateway = CcxtTrading(venue_urls={"kucoin": server.base_url}, concurrency=1)
        question = FillsQuestion(
            trading_of("kucoin").fills[Pool.SPOT][0], SINCE, SINCE + timedelta(hours=1)
        )
        (answer,) = gateway.fetch_fills(request, [question])

    assert isinstance(answer, Reason)
    assert answer.code is Code.CREDENTIALS_MALFORMED
    assert server.asked == []


def test_failures_of_fills_pause_fills_and_not_the_balance() -> None:
    politeness = Politeness()
    with PlainServer({}) as server:
        codes = [ask(server, politeness).code for _ in range(6)]
        gateway = CcxtTrading(
            venue_urls={"kucoin": server.base_url}, concurrency=1, politeness=politeness
        )
        line = gateway.line(request_of(CASE).account, Pool.SPOT)

    assert codes[-1] is Code.EXCHANGE_PAUSED
    assert Code.EXCHANGE_PAUSED not in codes[:-1]
    assert gateway.refusal(line, may_try=True) is None


def test_a_success_ends_the_pause() -> None:
    politeness = Politeness()
    with PlainServer({}) as server:
        for _ in range(4):
            assert isinstance(ask(server, politeness), Reason)
    with PlainServer({PATH: EMPTY}) as server:
        assert ask(server, politeness) == Told()
    with PlainServer({}) as server:
        codes = [ask(server, politeness).code for _ in range(5)]

    assert Code.EXCHANGE_PAUSED not in codes


def test_fills_wait_until_no_balance_needs_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    politeness = Politeness()
    with PlainServer({PATH: EMPTY}) as server:
        gateway = CcxtTrading(
            venue_urls={"kucoin": server.base_url}, concurrency=1, politeness=politeness
        )
        request = request_of(CASE)
        line = gateway.line(request.account, Pool.SPOT)
        pace = request.account.venue.call(Pool.SPOT, "USDT").pace
        for _ in range(pace.key_requests):
            assert politeness.wait_seconds(line, 1, pace, accounts.now()) == 0
        answer = ask(server, politeness, deadline_seconds=0.3)

    assert isinstance(answer, Reason)
    assert answer.code is Code.EXCHANGE_RATE_LIMITED
    assert server.asked == []
    # It took no turn that a balance would have to wait for.
    wait = politeness.wait_seconds(line, 1, pace, accounts.now())
    assert wait is not None
    assert wait < 1


def test_more_than_a_fifth_waits_for_its_own_turn() -> None:
    politeness = Politeness()
    with PlainServer({PATH: EMPTY}) as server:
        first = ask(server, politeness)
        second = ask(server, politeness, deadline_seconds=0.3)

    assert first == Told()
    assert isinstance(second, Reason)
    assert second.code is Code.EXCHANGE_RATE_LIMITED


def test_a_row_that_is_no_row_and_one_without_what_it_needs_are_unread() -> None:
    good: Mapping[str, Any] = CASE["answer"]["data"]["items"][0]
    items = [
        "text",
        {**good, "side": "transfer"},
        {**good, "price": "0"},
        {**good, "size": "0"},
        {**good, "createdAt": 0},
        {**good, "createdAt": "soon"},
        {**good, "createdAt": "-5"},
        {**good, "tradeId": "", "orderId": ""},
        {**good, "price": None},
        {**good, "symbol": ""},
    ]

    answer = read(CASE, {"code": "200000", "data": {"items": items}})

    assert answer.rows == ()
    assert [each.problem for each in answer.unread] == [
        "no row",
        "no side",
        "no price",
        "no quantity",
        "no time",
        "no id",
        "no symbol",
    ]


def test_a_fee_without_a_currency_cannot_be_booked() -> None:
    case = all_in("recorded")["deribit-option"]
    row = {**case["answer"]["result"]["trades"][0], "instrument_name": "BTC-PERPETUAL"}
    paid = {**row, "fee_currency": None}
    free = {**row, "fee_currency": None, "fee": 0}

    def problems(one: Any) -> tuple[int, list[str]]:
        spot = {**case, "reads": [{"executed_at": "2019-02-15T08:36:54.585+00:00"}]}
        told = read(spot, {"jsonrpc": "2.0", "result": {"trades": [one], "has_more": False}})
        return len(told.rows), [each.problem for each in told.unread]

    assert problems(paid) == (0, ["a fee without a currency"])
    assert problems(free) == (1, [])


@pytest.mark.parametrize(
    ("field", "length", "problems"),
    [
        ("tradeId", 100, []),
        ("tradeId", 101, ["too long a name"]),
        ("orderId", 101, ["too long a name"]),
        ("feeCurrency", 32, []),
        ("feeCurrency", 33, ["too long a name"]),
    ],
)
def test_what_is_too_long_to_be_kept_is_no_id_and_no_currency(
    field: str, length: int, problems: list[str]
) -> None:
    row = {**CASE["answer"]["data"]["items"][0], field: "X" * length}

    told = read(CASE, {"code": "200000", "data": {"items": [row]}})

    assert [each.problem for each in told.unread] == problems
    assert len(told.rows) == (not problems)


def test_what_is_no_row_among_rows_by_id_is_unread() -> None:
    case = all_in("kinds")["kraken-half closed"]
    (name, row), *_ = case["answer"]["result"].items()

    told = read(case, {"error": [], "result": {"T0": None, name: row}})

    assert [each.problem for each in told.unread] == ["no row"]
    assert len(told.rows) == 1


def test_a_position_that_is_held_must_be_long_or_short() -> None:
    case = all_in("recorded")["mexc-position"]
    row = {**case["answer"]["data"][0], "positionType": None}

    told = read(case, {"success": True, "code": 0, "data": [row]})

    assert [each.problem for each in told.unread] == ["no side"]


def test_what_a_contract_counts_must_be_known() -> None:
    case = all_in("recorded")["coinbase-size in quote"]
    row = {**case["answer"]["fills"][0], "trade_time": "yesterday"}

    told = read(case, {"fills": [row], "cursor": ""})

    assert [each.problem for each in told.unread] == ["no time"]


def test_flows_that_lack_something_are_unread() -> None:
    case = all_in("kinds")["gate-funding"]
    funding = case["answer"][0]
    rows = [
        {**funding, "text": "DELISTED_USDT"},
        {**funding, "change": None},
        {**funding, "time": None},
        {**funding, "change": "0"},
    ]

    told = read(case, rows)

    assert told.rows == ()
    assert [each.problem for each in told.unread] == [
        "an unknown instrument",
        "no amount",
        "no time",
    ]


def test_what_was_withdrawn_is_below_zero_whatever_the_venue_writes() -> None:
    account = simulated_account("binance")
    rows = [
        {"coin": "BTC", "amount": "1", "transactionFee": "0.1", "id": "w", "status": 6,
         "completeTime": "2009-01-01 00:00:05"},
        {"coin": "BTC", "amount": "2", "transactionFee": "0.1", "id": "x", "status": 1,
         "completeTime": "2009-01-01 00:00:05"},
    ]  # fmt: skip
    calls = trading_of("binance").flows[Pool.SPOT]
    request = replace(
        request_of({**CASE, "venue": "binance"}), account=request_for(account, ["spot"])
    )
    with PlainServer({"/sapi/v1/capital/withdraw/history": rows}) as server:
        gateway = CcxtTrading(venue_urls={"binance": server.base_url}, concurrency=1)
        (answer,) = gateway.fetch_flows(
            request, [calls[1]], since=SINCE, until=SINCE + timedelta(hours=1)
        )

    assert isinstance(answer, Told)
    assert [(row.kind.value, str(row.amount), row.currency) for row in answer.rows] == [
        ("withdrawal", "-1.1", "BTC")
    ]

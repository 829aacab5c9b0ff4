"""Long spans and full answers: every fill is read once, in as many requests as the venue wants."""

import itertools
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from capital.domain.reasons import Code, Reason
from capital.exchange.trading.contract import Told
from capital.exchange.trading.pages import parts_of
from capital.exchange.trading.venues import TRADING
from tests.exchange.readings.plain_server import PlainServer
from tests.exchange.trading.answers import SINCE, asked

pytestmark = pytest.mark.usefixtures("hurried")

BEGAN = int(SINCE.timestamp() * 1000)
HOUR, DAY = 3_600_000, 86_400_000

BINANCE = {
    "venue": "binance",
    "pool": "futures",
    "what": "fills",
    "call": 0,
    "instruments": [{"symbol": "BTC/USDT:USDT", "market_id": "BTCUSDT"}],
}
SPOT = {
    **BINANCE,
    "pool": "spot",
    "instruments": [{"symbol": "BTC/USDT", "market_id": "BTCUSDT"}],
}


def binance_fill(number: int, milliseconds: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": number,
        "orderId": number,
        "price": "100",
        "qty": "1",
        "side": "BUY",
        "isBuyer": True,
        "time": milliseconds,
    }


def among(fills: list[dict[str, Any]], most: int) -> Callable[[Mapping[str, Any]], Any]:
    """A venue that tells of the first ones in a span, both of whose ends it takes in."""

    def answer(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        since, until = int(arguments["startTime"]), int(arguments["endTime"])
        return [each for each in fills if since <= each["time"] <= until][:most]

    return answer


def ids(told: Any) -> list[str]:
    assert isinstance(told, Told), told
    return [row.venue_fill_id for row in told.rows]


def test_a_span_is_asked_for_in_parts_that_the_venue_takes() -> None:
    fills = [binance_fill(number, BEGAN + number * HOUR) for number in range(60)]
    with PlainServer({"/api/v3/myTrades": among(fills, 1000)}) as server:
        told = asked(SPOT, server.base_url, span=timedelta(hours=60))

    assert ids(told) == [str(number) for number in range(60)]
    spans = [(int(each["startTime"]), int(each["endTime"])) for each in server.arguments]
    assert spans == [
        (BEGAN, BEGAN + DAY - 1),
        (BEGAN + DAY, BEGAN + 2 * DAY - 1),
        (BEGAN + 2 * DAY, BEGAN + 60 * HOUR - 1),
    ]


def test_a_full_answer_is_asked_for_in_halves() -> None:
    fills = [binance_fill(number, BEGAN + number * 1000) for number in range(2500)]
    with PlainServer({"/fapi/v1/userTrades": among(fills, 1000)}) as server:
        told = asked(BINANCE, server.base_url, span=timedelta(hours=1))

    assert ids(told) == [str(number) for number in range(2500)]


def test_more_fills_in_a_millisecond_than_an_answer_holds_are_not_lost_in_silence() -> None:
    fills = [binance_fill(number, BEGAN + 5) for number in range(1001)]
    with PlainServer({"/fapi/v1/userTrades": among(fills, 1000)}) as server:
        told = asked(BINANCE, server.base_url, span=timedelta(milliseconds=10))

    assert isinstance(told, Reason)
    assert told.code is Code.EXCHANGE_BAD_ANSWER
    assert told.figures["kind"] == "more than a page in one moment"


def test_a_cursor_is_followed_to_its_end() -> None:
    def answer(arguments: Mapping[str, Any]) -> Any:
        page = int(arguments.get("cursor", 0))
        row = {
            "symbol": "BTCUSDT",
            "execId": f"e{page}",
            "execPrice": "100",
            "execQty": "1",
            "execType": "Trade",
            "side": "Sell",
            "execTime": str(BEGAN + page),
        }
        rows = [row] if page < 3 else []
        result = {"category": "linear", "list": rows, "nextPageCursor": str(page + 1)}
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": BEGAN}

    case = {**BINANCE, "venue": "bybit", "pool": "unified", "call": 1}
    with PlainServer({"/v5/execution/list": answer}) as server:
        told = asked(case, server.base_url)

    assert ids(told) == ["e0", "e1", "e2"]


def test_a_cursor_that_does_not_move_ends_the_pages() -> None:
    def answer(_: Mapping[str, Any]) -> Any:
        result = {"category": "linear", "list": [{"execType": "Funding"}], "nextPageCursor": "1"}
        return {"retCode": 0, "retMsg": "OK", "result": result, "time": BEGAN}

    case = {**BINANCE, "venue": "bybit", "pool": "unified", "call": 1}
    with PlainServer({"/v5/execution/list": answer}) as server:
        told = asked(case, server.base_url)

    assert ids(told) == []
    assert len(server.asked) == 2


def test_kraken_is_asked_by_the_number_of_fills_so_far() -> None:
    fills = {
        f"T{number:03}": {
            "ordertxid": "O",
            "pair": "XXBTZUSD",
            "time": f"{SINCE.timestamp() + number:.4f}",
            "type": "buy",
            "price": "100",
            "vol": "1",
            "fee": "0.1",
        }
        for number in range(120)
    }

    def answer(arguments: Mapping[str, Any]) -> Any:
        first = int(arguments.get("ofs", 0))
        names = sorted(fills)[first : first + 50]
        return {"error": [], "result": {"trades": {name: fills[name] for name in names}}}

    case = {
        **BINANCE,
        "venue": "kraken",
        "pool": "spot",
        "instruments": [{"symbol": "BTC/USD", "market_id": "XXBTZUSD"}],
    }
    with PlainServer({"/0/private/TradesHistory": answer}) as server:
        told = asked(case, server.base_url)

    assert ids(told) == sorted(fills)
    assert [each.get("ofs") for each in server.arguments] == [None, "50", "100"]
    assert server.arguments[0]["start"] == str(BEGAN // 1000 - 1)


def kraken_futures(number: int) -> dict[str, Any]:
    moment = SINCE + timedelta(seconds=number)
    return {
        "fillTime": moment.isoformat().replace("+00:00", ".000Z"),
        "order_id": "o",
        "fill_id": f"f{number:03}",
        "symbol": "PF_XBTUSD",
        "side": "buy",
        "size": 1,
        "price": 100,
        "fillType": "maker",
    }


KRAKEN_FUTURES = {
    **BINANCE,
    "venue": "krakenfutures",
    "instruments": [{"symbol": "BTC/USD:USD", "market_id": "PF_XBTUSD"}],
}


def test_krakens_futures_are_asked_backwards_from_the_end_of_the_span() -> None:
    # The first forty are from before the span.
    fills = [kraken_futures(number) for number in range(-40, 230)]

    def answer(arguments: Mapping[str, Any]) -> Any:
        before = [each for each in fills if each["fillTime"] <= arguments["lastFillTime"]]
        return {"result": "success", "fills": before[-100:][::-1], "serverTime": ""}

    with PlainServer({"/derivatives/api/v3/fills": answer}) as server:
        told = asked(KRAKEN_FUTURES, server.base_url)

    assert sorted(ids(told)) == [f"f{number:03}" for number in range(230)]


def test_a_hundred_fills_of_one_moment_end_the_way_back_with_a_failure() -> None:
    same = [{**kraken_futures(1), "fill_id": f"f{number}"} for number in range(100)]
    with PlainServer({"/derivatives/api/v3/fills": {"fills": same}}) as server:
        told = asked(KRAKEN_FUTURES, server.base_url)

    assert isinstance(told, Reason)
    assert told.figures["kind"] == "more pages than can be read"


def test_orders_of_bithumb_are_read_page_by_page_until_they_are_too_old() -> None:
    def answer(arguments: Mapping[str, Any]) -> Any:
        page = int(arguments.get("page", 1))
        return [
            {
                "uuid": f"u{number}",
                "side": "bid",
                "market": "KRW-BTC",
                "created_at": (SINCE + timedelta(minutes=50 - number)).isoformat(),
                "paid_fee": "1",
                "executed_volume": "2",
                "executed_funds": "200",
            }
            for number in range(100 * (page - 1), 100 * page)
        ]

    case = {
        **BINANCE,
        "venue": "bithumb",
        "pool": "spot",
        "instruments": [{"symbol": "BTC/KRW", "market_id": "KRW-BTC"}],
    }
    with PlainServer({"/v1/orders": answer}) as server:
        told = asked(case, server.base_url)

    assert isinstance(told, Told)
    assert {row.order_id for row in told.rows} == {f"u{number}" for number in range(51)}
    assert len(server.asked) == 1


def test_a_page_of_orders_without_a_fill_is_not_the_last_one() -> None:
    def order(number: int, executed: str) -> dict[str, Any]:
        return {
            "uuid": f"u{number}",
            "side": "ask",
            "market": "KRW-BTC",
            "created_at": (SINCE + timedelta(minutes=59) - timedelta(seconds=number)).isoformat(),
            "paid_fee": "0",
            "executed_volume": executed,
            "executed_funds": executed,
        }

    # Cancelled ones, of which nothing was executed, and an older one that was filled in part.
    orders = [*(order(number, "0") for number in range(100)), order(100, "3")]

    def answer(arguments: Mapping[str, Any]) -> Any:
        page = int(arguments.get("page", 1))
        return orders[100 * (page - 1) : 100 * page]

    case = {
        **BINANCE,
        "venue": "bithumb",
        "pool": "spot",
        "call": 1,
        "instruments": [{"symbol": "BTC/KRW", "market_id": "KRW-BTC"}],
    }
    with PlainServer({"/v1/orders": answer}) as server:
        told = asked(case, server.base_url)

    assert isinstance(told, Told)
    assert [row.order_id for row in told.rows] == ["u100"]


def test_a_page_of_unknown_contracts_is_not_the_last_one_on_the_way_back() -> None:
    unknown = [{**kraken_futures(100 + number), "symbol": "PF_OLDUSD"} for number in range(100)]
    fills = [kraken_futures(1), *unknown]

    def answer(arguments: Mapping[str, Any]) -> Any:
        before = [each for each in fills if each["fillTime"] <= arguments["lastFillTime"]]
        return {"result": "success", "fills": before[-100:][::-1], "serverTime": ""}

    with PlainServer({"/derivatives/api/v3/fills": answer}) as server:
        told = asked(KRAKEN_FUTURES, server.base_url)

    assert ids(told) == ["f001"]
    assert len(told.unread) == 100


def test_a_full_page_without_times_is_a_failure_on_the_way_back() -> None:
    timeless = [{**kraken_futures(number), "fillTime": ""} for number in range(100)]
    with PlainServer({"/derivatives/api/v3/fills": {"fills": timeless}}) as server:
        told = asked(KRAKEN_FUTURES, server.base_url)

    assert isinstance(told, Reason)
    assert told.figures["kind"] == "a page without a time"


def after(rows: list[dict[str, Any]], name: str, row_id: str | None) -> list[dict[str, Any]]:
    """The page of a hundred behind a row, the newest first."""
    ids_of = [row[name] for row in rows]
    first = ids_of.index(row_id) + 1 if row_id else 0
    return rows[first : first + 100]


def okx_fills(arguments: Mapping[str, Any]) -> Any:
    row = {
        "instType": "SWAP",
        "instId": "BTC-USDT-SWAP",
        "side": "buy",
        "fillSz": "1",
        "fillPx": "100",
        "fillTime": str(BEGAN + 5),
    }
    rows = [{**row, "tradeId": f"{number}", "billId": f"b{number}"} for number in range(250)]
    return {"code": "0", "msg": "", "data": after(rows, "billId", arguments.get("after"))}


def bitget_fills(arguments: Mapping[str, Any]) -> Any:
    row = {
        "symbol": "BTCUSDT",
        "side": "buy",
        "size": "1",
        "priceAvg": "100",
        "cTime": str(BEGAN + 5),
    }
    rows = [{**row, "tradeId": f"{number}"} for number in range(250)]
    return {"code": "00000", "data": after(rows, "tradeId", arguments.get("idLessThan"))}


def mexc_deals(arguments: Mapping[str, Any]) -> Any:
    row = {"symbol": "BTC_USDT", "side": 1, "vol": 1, "price": 100, "timestamp": BEGAN + 5}
    page = int(arguments.get("page_num", 1))
    numbers = range(100 * (page - 1), min(100 * page, 250))
    return {"success": True, "code": 0, "data": [{**row, "id": f"{each}"} for each in numbers]}


@pytest.mark.parametrize(
    ("venue", "pool", "call", "symbol", "market_id", "path", "answer"),
    [
        (
            "okx", "unified", 1, "BTC/USDT:USDT", "BTC-USDT-SWAP", "/api/v5/trade/fills-history",
            okx_fills,
        ),
        (
            "bitget", "spot", 0, "BTC/USDT", "BTCUSDT", "/api/v2/spot/trade/fills", bitget_fills,
        ),
        (
            "mexc", "futures", 0, "BTC/USDT:USDT", "BTC_USDT",
            "/api/v1/private/order/list/order_deals", mexc_deals,
        ),
    ],
)  # fmt: skip
def test_a_large_order_may_have_more_fills_in_a_millisecond_than_a_page(
    venue: str, pool: str, call: int, symbol: str, market_id: str, path: str, answer: Any
) -> None:
    case = {
        "venue": venue,
        "pool": pool,
        "what": "fills",
        "call": call,
        "instruments": [{"symbol": symbol, "market_id": market_id}],
    }
    with PlainServer({path: answer}) as server:
        told = asked(case, server.base_url)

    assert ids(told) == [str(number) for number in range(250)]
    assert len(server.asked) == 3


def test_where_a_page_is_small_more_fills_of_a_moment_than_it_holds_can_be_read() -> None:
    """HTX and MEXC's spot tell no way to go on within a moment; other pages hold 500 and more."""
    small = {
        venue
        for venue, row in TRADING.items()
        for calls in row.fills.values()
        for call in calls
        if call.pages.size <= 100 and not call.pages.param and "{order}" not in call.params.values()
    }

    assert small == {"htx", "mexc"}


@pytest.mark.parametrize(
    ("hours", "parts"), [(1, 1), (24, 1), (25, 2), (48, 2)], ids=["1", "24", "25", "48"]
)
def test_the_parts_of_a_span_join(hours: int, parts: int) -> None:
    until = SINCE + timedelta(hours=hours)

    found = list(parts_of(SINCE, until, timedelta(hours=24)))

    assert len(found) == parts
    assert found[0][0] == SINCE
    assert found[-1][1] == until
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(found))

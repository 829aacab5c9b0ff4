"""The simulator's public endpoints: prices can be changed, and nonsense is refused."""

import time

import pytest

_HOUR = 3_600_000


def test_a_price_is_changed_over_http(exchange, send):
    answer = send("/simulator/prices", body={"pair": "ETH/USDT", "price": "3000.25"})

    assert (answer.status, answer.json) == (200, {"pair": "ETH/USDT", "price": "3000.25"})
    assert send("/api/v3/ticker/24hr?symbol=ETHUSDT").json["lastPrice"] == "3000.25"
    ticker = send("/v5/market/tickers?category=linear&symbol=ETHUSDT").json
    assert ticker["result"]["list"][0]["lastPrice"] == "3000.25"
    assert ticker["result"]["list"][0]["markPrice"] == "3000.25"
    candle = send("/fapi/v1/klines?symbol=ETHUSDT&interval=1m&limit=1").json[0]
    assert candle[1:5] == ["3000.25"] * 4
    book = send("/api/v3/depth?symbol=ETHUSDT").json
    assert book["bids"] == book["asks"] == [["3000.25", "100000"]]
    assert send("/api/v3/depth?symbol=BTCUSDT").json["bids"][0][0] == "61234.5"


def test_candles_are_those_that_were_asked_for_and_the_last_one_is_not_over(exchange, send):
    before = time.time_ns() // 1_000_000
    asked = "/api/v3/klines?symbol=BTCUSDT&interval=1h"
    latest = [row[0] for row in send(f"{asked}&limit=3").json]
    now = time.time_ns() // 1_000_000

    assert {before // _HOUR, now // _HOUR} >= {latest[-1] // _HOUR}
    assert [each - latest[0] for each in latest] == [0, _HOUR, 2 * _HOUR]
    assert len(send(asked).json) == 500
    # From a moment on, up to another one: what opens in between.
    first, last = latest[-1] - 50 * _HOUR, latest[-1] - 40 * _HOUR
    between = send(f"{asked}&startTime={first - 1}&endTime={last + 1}&limit=100").json
    assert (between[0][0], between[-1][0], len(between)) == (first, last, 11)
    assert between[0][6] == first + _HOUR - 1
    few = send(f"{asked}&startTime={first + 1}&limit=2").json
    assert [row[0] for row in few] == [first + _HOUR, first + 2 * _HOUR]
    assert send("/fapi/v1/fundingRate?symbol=BTCUSDT").json == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"pair": "ETH/USDT", "price": "0"}, "above zero"),
        ({"pair": "ETH/USDT", "price": "NaN"}, "above zero"),
        ({"pair": "ETH/USDT", "price": 3000}, "above zero"),
        ({"pair": "XYZ/USDT", "price": "1"}, "no pair 'XYZ/USDT'"),
        ({"pair": "ETH/USDT"}, "send {"),
        (["ETH/USDT"], "send {"),
        (b"{", "not JSON"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(send, body, says):
    answer = send("/simulator/prices", body=body)

    assert answer.status == 400
    assert says in answer.json["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v3/ticker/24hr?symbol=XYZUSDT",
        "/v5/market/tickers?category=linear&symbol=XYZUSDT",
        "/api/v5/market/ticker?instId=XYZ-USDT",
        "/v1/ticker?markets=KRW-XYZ",
        "/dapi/v1/ticker/24hr?symbol=XYZUSD_PERP",
        "/fapi/v1/klines?symbol=XYZUSDT",
        "/fapi/v1/depth?symbol=XYZUSDT",
        "/openApi/spot/v1/ticker/24hr?symbol=XYZ-USDT",
        "/openApi/swap/v2/quote/ticker?symbol=XYZ-USDT",
        "/openApi/cswap/v1/market/ticker?symbol=BTC-USDT",
        "/api/v2/spot/market/tickers?symbol=XYZUSDT",
        "/api/v2/mix/market/ticker?symbol=XYZUSDT&productType=USDT-FUTURES",
        "/api/v3/brokerage/market/products/XYZ-USD/ticker",
        "/api/v2/public/ticker?instrument_name=XYZ-PERPETUAL",
        "/api/v4/spot/tickers?currency_pair=XYZ_USDT",
        "/api/v4/futures/usdt/tickers?contract=XYZ_USDT",
        # In capital letters the venue knows no such currency.
        "/api/v4/futures/USDT/tickers?contract=BTC_USDT",
        "/market/detail/merged?symbol=xyzusdt",
        "/linear-swap-ex/market/detail/merged?contract_code=XYZ-USDT",
        "/0/public/Ticker?pair=XXYZZUSD",
        "/derivatives/api/v3/tickers/PF_XYZUSD",
        "/api/v1/market/stats?symbol=XYZ-USDT",
        "/api/v1/ticker?symbol=XYZUSDTM",
        "/mexc/api/v3/ticker/24hr?symbol=XYZUSDT",
        "/api/v1/contract/ticker?symbol=XYZ_USDT",
    ],
)
def test_a_market_that_is_not_there_has_no_price(send, path):
    assert send(path).status == 400


def test_what_was_asked_is_noted(exchange, send):
    send("/v1/market/all?isDetails=true")

    assert exchange.market_place.requests == ["/v1/market/all?isDetails=true"]

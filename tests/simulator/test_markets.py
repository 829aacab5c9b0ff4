"""The simulator's public endpoints: prices can be changed, and nonsense is refused."""

import pytest


def test_a_price_is_changed_over_http(exchange, send):
    answer = send("/simulator/prices", body={"pair": "ETH/USDT", "price": "3000.25"})

    assert (answer.status, answer.json) == (200, {"pair": "ETH/USDT", "price": "3000.25"})
    assert send("/api/v3/ticker/24hr?symbol=ETHUSDT").json["lastPrice"] == "3000.25"
    ticker = send("/v5/market/tickers?category=linear&symbol=ETHUSDT").json
    assert ticker["result"]["list"][0]["lastPrice"] == "3000.25"
    assert ticker["result"]["list"][0]["markPrice"] == "3000.25"


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

"""Markets: what the simulated venues trade, and at what price, in each venue's wire format.

A handful of markets a venue, with rules of the kind that the venues have. Prices are the desk's
to change: ``POST /simulator/prices`` or ``MarketPlace.set_price``. No key is needed to ask.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault

PRICES = {
    "BTC/USDT": "61234.5",
    "ETH/USDT": "2987.65",
    "BTC/USD": "61234.5",
    "BTC/KRW": "95000000",
    "ETH/KRW": "4600000",
}
"""What a pair costs at first, wherever it is traded."""


class MarketPlace:
    """Prices, and how the public endpoints are told to fail. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._prices = dict(PRICES)
        self._fault: Fault | None = None
        self._requests: list[str] = []

    @property
    def requests(self) -> list[str]:
        """Path and query of what was asked so far; a copy."""
        with self._lock:
            return list(self._requests)

    @property
    def fault(self) -> Fault | None:
        """What every public endpoint suffers from."""
        return self._fault

    def fail(self, fault: Fault | str | None) -> None:
        """From now on every public endpoint fails so; None: no longer."""
        self._fault = None if fault is None else Fault(fault)

    def note(self, target: str) -> None:
        """Somebody asked this."""
        with self._lock:
            self._requests.append(target)

    def price(self, pair: str) -> str:
        """What ``BASE/QUOTE`` costs."""
        with self._lock:
            return self._prices[pair]

    def set_price(self, pair: str, price: str) -> None:
        """From now on ``BASE/QUOTE`` costs this, wherever it is traded.

        Raises:
            SimulatorError: No such pair is traded, or it is no price.
        """
        try:
            valid = isinstance(price, str) and Decimal(price) > 0 and Decimal(price).is_finite()
        except InvalidOperation:
            valid = False
        if not valid:
            raise SimulatorError('a price must be a decimal string above zero such as "61234.5".')
        with self._lock:
            if pair not in self._prices:
                raise SimulatorError(
                    f"no pair {pair!r}; use one of {', '.join(sorted(self._prices))}."
                )
            self._prices[pair] = price


@dataclass(frozen=True)
class PublicEndpoint:
    """One question that needs no key.

    Attributes:
        path: Of the URL.
        answer: From the query and the prices; None where the venue knows no such market.
    """

    path: str
    answer: Callable[[Mapping[str, str], MarketPlace], Any]


# Binance


def _binance_filters(step: str, most: str, market_most: str, tick: str, cost: Any) -> list[Any]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000", "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": step, "maxQty": most, "stepSize": step},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": market_most,
            "stepSize": "0.00000000",
        },
        cost,
    ]


def _binance_symbol(base: str, **fields: Any) -> Any:
    return {
        "symbol": f"{base}USDT",
        "status": "TRADING",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        **fields,
    }


def _binance_spot(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v3/exchangeInfo``."""
    cost = {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True}
    return {
        "timezone": "UTC",
        "serverTime": _now(),
        "symbols": [
            _binance_symbol(base, filters=_binance_filters(step, "9000", most, "0.01", cost))
            for base, step, most in (("BTC", "0.00001", "112.2"), ("ETH", "0.0001", "1630.4"))
        ],
    }


def _binance_futures(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /fapi/v1/exchangeInfo``: USDⓈ-M."""
    cost = {"filterType": "MIN_NOTIONAL", "notional": "100"}
    return {
        "timezone": "UTC",
        "serverTime": _now(),
        "symbols": [
            _binance_symbol(
                base,
                pair=f"{base}USDT",
                contractType="PERPETUAL",
                deliveryDate=4133404800000,
                marginAsset="USDT",
                pricePrecision=2,
                quantityPrecision=3,
                filters=_binance_filters("0.001", "1000", most, "0.10", cost),
            )
            for base, most in (("BTC", "120"), ("ETH", "2000"))
        ],
    }


def _binance_coin_futures(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /dapi/v1/exchangeInfo``: COIN-M, in contracts of a hundred dollars."""
    filters = _binance_filters("1", "1000000", "60000", "0.1", {"filterType": "PERCENT_PRICE"})
    contract = _binance_symbol(
        "BTC",
        pair="BTCUSD",
        contractType="PERPETUAL",
        contractStatus="TRADING",
        contractSize=100,
        deliveryDate=4133404800000,
        marginAsset="BTC",
        pricePrecision=1,
        quantityPrecision=0,
        filters=filters,
    )
    contract |= {"symbol": "BTCUSD_PERP", "quoteAsset": "USD"}
    del contract["status"]
    return {"timezone": "UTC", "serverTime": _now(), "symbols": [contract]}


def _binance_coin_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /dapi/v1/ticker/24hr``: a list, also of one."""
    if query.get("symbol") != "BTCUSD_PERP":
        return None
    return [_ticker_of("BTCUSD_PERP", place.price("BTC/USD"))]


def _binance_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET …/ticker/24hr`` of either market."""
    base = query.get("symbol", "").removesuffix("USDT")
    if base not in ("BTC", "ETH"):
        return None
    return _ticker_of(f"{base}USDT", place.price(f"{base}/USDT"))


def _ticker_of(symbol: str, price: str) -> Any:
    return {
        "symbol": symbol,
        "lastPrice": price,
        "openPrice": price,
        "highPrice": price,
        "lowPrice": price,
        "volume": "1",
        "quoteVolume": price,
        "openTime": _now() - 86_400_000,
        "closeTime": _now(),
    }


# Bybit


def _bybit(result: Any) -> Any:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": _now()}


def _bybit_contract(symbol: str, quote: str, settle: str, lot: Mapping[str, str]) -> Any:
    kind = "InversePerpetual" if settle == "BTC" else "LinearPerpetual"
    return {
        "symbol": symbol,
        "contractType": kind,
        "status": "Trading",
        "baseCoin": symbol.removesuffix(quote),
        "quoteCoin": quote,
        "settleCoin": settle,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"},
        "lotSizeFilter": lot,
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
    }


def _bybit_spot(base: str, step: str) -> Any:
    return {
        "symbol": f"{base}USDT",
        "baseCoin": base,
        "quoteCoin": "USDT",
        "status": "Trading",
        "marginTrading": "utaOnly",
        "lotSizeFilter": {
            "basePrecision": step,
            "quotePrecision": "0.0000001",
            "minOrderQty": step,
            "maxOrderQty": "230",
            "maxMarketOrderQty": "120",
            "minOrderAmt": "5",
            "maxOrderAmt": "8000000",
        },
        "priceFilter": {"tickSize": "0.1"},
    }


def _bybit_lot(step: str, most: str, market_most: str, **more: str) -> Mapping[str, str]:
    return {
        "qtyStep": step,
        "minOrderQty": step,
        "maxOrderQty": most,
        "maxMktOrderQty": market_most,
        **more,
    }


_BYBIT: Mapping[str, list[Any]] = {
    "spot": [_bybit_spot("BTC", "0.000001"), _bybit_spot("ETH", "0.00001")],
    "linear": [
        _bybit_contract(
            "BTCUSDT", "USDT", "USDT", _bybit_lot("0.001", "1190", "500", minNotionalValue="5")
        ),
        _bybit_contract(
            "ETHUSDT", "USDT", "USDT", _bybit_lot("0.01", "7240", "2000", minNotionalValue="5")
        ),
    ],
    "inverse": [_bybit_contract("BTCUSD", "USD", "BTC", _bybit_lot("1", "25000000", "5000000"))],
}


def _bybit_instruments(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v5/market/instruments-info``; nothing is about to be launched."""
    category = query.get("category", "")
    listed = [] if query.get("status") == "PreLaunch" else _BYBIT.get(category, [])
    return _bybit({"category": category, "list": listed, "nextPageCursor": ""})


def _bybit_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /v5/market/tickers`` of one symbol."""
    category, symbol = query.get("category", ""), query.get("symbol", "")
    for market in _BYBIT.get(category, []):
        if market["symbol"] == symbol:
            price = place.price(f"{market['baseCoin']}/{market['quoteCoin']}")
            figures = ("lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h")
            one = {"symbol": symbol, **dict.fromkeys(figures, price), "volume24h": "1"}
            return _bybit({"category": category, "list": [one]})
    return None


# OKX


def _okx(data: list[Any]) -> Any:
    return {"code": "0", "data": data, "msg": ""}


def _okx_instrument(instrument: str, kind: str, lot: str, least: str, **fields: str) -> Any:
    is_spot = kind == "SPOT"
    base, quote = instrument.split("-")[:2]
    empty = ("alias", "ctMult", "ctType", "ctVal", "ctValCcy", "expTime", "stk", "optType", "uly")
    return {
        **dict.fromkeys(empty, ""),
        "baseCcy": base if is_spot else "",
        "quoteCcy": quote if is_spot else "",
        "settleCcy": "",
        "instId": instrument,
        "instType": kind,
        "instFamily": "" if is_spot else f"{base}-{quote}",
        "lever": "10" if is_spot else "100",
        "listTime": "1548133413000",
        "lotSz": lot,
        "minSz": least,
        "tickSz": "0.1",
        "maxLmtSz": "9999999999" if is_spot else "100000000",
        "maxMktSz": "1000000" if is_spot else "30000",
        "state": "live",
        **fields,
    }


def _okx_swap(base: str, quote: str, settle: str, size: str, lot: str) -> Any:
    return _okx_instrument(
        f"{base}-{quote}-SWAP",
        "SWAP",
        lot,
        lot,
        ctMult="1",
        ctVal=size,
        ctType="inverse" if settle == base else "linear",
        ctValCcy=quote if settle == base else base,
        settleCcy=settle,
        uly=f"{base}-{quote}",
    )


_OKX: Mapping[str, list[Any]] = {
    "SPOT": [
        _okx_instrument("BTC-USDT", "SPOT", "0.00000001", "0.00001"),
        _okx_instrument("ETH-USDT", "SPOT", "0.000001", "0.0001"),
    ],
    "SWAP": [
        _okx_swap("BTC", "USDT", "USDT", "0.01", "0.01"),
        _okx_swap("ETH", "USDT", "USDT", "0.1", "0.01"),
        _okx_swap("BTC", "USD", "BTC", "100", "1"),
    ],
}


def _okx_instruments(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v5/public/instruments``."""
    return _okx(_OKX.get(query.get("instType", ""), []))


def _okx_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v5/market/ticker``."""
    instrument = query.get("instId", "")
    if not any(instrument == each["instId"] for listed in _OKX.values() for each in listed):
        return None
    price = place.price("/".join(instrument.split("-")[:2]))
    figures = ("last", "open24h", "high24h", "low24h", "askPx", "bidPx")
    return _okx(
        [{"instId": instrument, **dict.fromkeys(figures, price), "vol24h": "1", "ts": str(_now())}]
    )


# Upbit and Bithumb: the same paths and the same form

_KRW_BASES = {"BTC": ("비트코인", "Bitcoin"), "ETH": ("이더리움", "Ethereum")}


def _krw_markets(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v1/market/all``: names only; the rules are in the documentation."""
    return [
        {"market": f"KRW-{base}", "korean_name": korean, "english_name": english}
        for base, (korean, english) in _KRW_BASES.items()
    ]


def _krw_tickers(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /v1/ticker`` of the markets that are named."""
    bases = [name.removeprefix("KRW-") for name in query.get("markets", "").split(",")]
    if not all(base in _KRW_BASES for base in bases):
        return None
    return [_krw_ticker(base, place.price(f"{base}/KRW")) for base in bases]


def _krw_ticker(base: str, price: str) -> Any:
    # These venues send bare numbers.
    number = int(price) if price.isdecimal() else float(price)
    figures = ("trade_price", "opening_price", "high_price", "low_price", "prev_closing_price")
    return {
        "market": f"KRW-{base}",
        **dict.fromkeys(figures, number),
        "acc_trade_price_24h": number,
        "acc_trade_volume_24h": 1,
        "timestamp": _now(),
    }


def _now() -> int:
    return time.time_ns() // 1_000_000


PUBLIC_ENDPOINTS = (
    PublicEndpoint("/api/v3/exchangeInfo", _binance_spot),
    PublicEndpoint("/fapi/v1/exchangeInfo", _binance_futures),
    PublicEndpoint("/dapi/v1/exchangeInfo", _binance_coin_futures),
    PublicEndpoint("/dapi/v1/ticker/24hr", _binance_coin_ticker),
    PublicEndpoint("/api/v3/ticker/24hr", _binance_ticker),
    PublicEndpoint("/fapi/v1/ticker/24hr", _binance_ticker),
    PublicEndpoint("/v5/market/instruments-info", _bybit_instruments),
    PublicEndpoint("/v5/market/tickers", _bybit_ticker),
    PublicEndpoint("/api/v5/public/instruments", _okx_instruments),
    PublicEndpoint("/api/v5/market/ticker", _okx_ticker),
    PublicEndpoint("/v1/market/all", _krw_markets),
    PublicEndpoint("/v1/ticker", _krw_tickers),
)

"""MEXC: spot in Binance's manner at Binance's path, futures in its own."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace, bare, now_milliseconds
from capital.simulator.refusals import Problem, refusals_of
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    hmac_sha256,
    same,
)


def _spot_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, separator, signature = request.query.rpartition("&signature=")
    if not (separator and signature):
        return Problem.NO_SIGNATURE
    timestamp = parse_qs(signed).get("timestamp", [""])[0]
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    expected = hmac_sha256(holder.api_secret, signed).hex()
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _key_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    problem = _spot_problem(request, holder)
    if problem is None and "accessKey" not in parse_qs(request.query):
        return Problem.WRONG_QUERY
    return problem


def _futures_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("Signature", "")
    timestamp = request.headers.get("Request-Time", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    signed = holder.api_key + timestamp + request.query + request.body
    expected = hmac_sha256(holder.api_secret, signed).hex()
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _spot(holdings: Holdings) -> Any:
    return {
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [
            {
                "asset": name,
                "free": holdings.free_of(name, amount),
                "locked": holdings.used_of(name),
            }
            for name, amount in holdings.listed.items()
        ],
        "permissions": ["SPOT"],
    }


def _futures(holdings: Holdings) -> Any:
    return {
        "success": True,
        "code": 0,
        "data": [
            {
                "currency": name,
                "positionMargin": holdings.used_of(name),
                "availableBalance": holdings.free_of(name, amount),
                "cashBalance": holdings.free_of(name, amount),
                "frozenBalance": "0",
                "equity": holdings.equity_of(name, amount),
                "unrealized": holdings.pnl_of(name),
                "bonus": "0",
            }
            for name, amount in holdings.listed.items()
        ],
    }


def _pair(base: str, decimals: int, least: str) -> Any:
    """``baseSizePrecision`` is the least amount, ``quoteAmountPrecision`` the least cost."""
    return {
        "symbol": f"{base}USDT",
        "status": "1",
        "baseAsset": base,
        "baseAssetPrecision": decimals,
        "quoteAsset": "USDT",
        "quotePrecision": 2,
        "quoteAssetPrecision": 2,
        "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": "1.000000000000000000",
        "baseSizePrecision": least,
        "permissions": ["SPOT"],
        "filters": [],
        "maxQuoteAmount": "4000000.000000000000000000",
        "maxQuoteAmountMarket": "2000000.000000000000000000",
        "makerCommission": "0",
        "takerCommission": "0.0005",
    }


_PAIRS = [_pair("BTC", 8, "0.000001"), _pair("ETH", 5, "0")]


def _pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v3/exchangeInfo``."""
    return {"timezone": "CST", "serverTime": now_milliseconds(), "symbols": _PAIRS}


def _contract(base: str, quote: str, settle: str, size: str) -> Any:
    return {
        "symbol": f"{base}_{quote}",
        "displayNameEn": f"{base}_{quote} PERPETUAL",
        "baseCoin": base,
        "quoteCoin": quote,
        "settleCoin": settle,
        "contractSize": bare(size),
        "minLeverage": 1,
        "maxLeverage": 200,
        "priceScale": 1,
        "volScale": 0,
        "amountScale": 4,
        "priceUnit": bare("0.1"),
        "volUnit": 1,
        "minVol": 1,
        "maxVol": 1000000,
        "initialMarginRate": bare("0.005"),
        "riskBaseVol": 250000,
        "riskIncrVol": 250000,
        "riskIncrImr": bare("0.005"),
        "riskLevelLimit": 4,
        "takerFeeRate": bare("0.0002"),
        "makerFeeRate": 0,
        "state": 0,
        "isNew": False,
        "isHidden": False,
    }


_CONTRACTS = [
    _contract("BTC", "USDT", "USDT", "0.0001"),
    _contract("ETH", "USDT", "USDT", "0.01"),
    _contract("BTC", "USD", "BTC", "100"),
]


def _contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v1/contract/detail``."""
    return {"success": True, "code": 0, "data": _CONTRACTS}


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v3/ticker/24hr`` of one symbol."""
    symbol = query.get("symbol", "")
    if all(pair["symbol"] != symbol for pair in _PAIRS):
        return None
    price = place.price(f"{symbol.removesuffix('USDT')}/USDT")
    figures = ("lastPrice", "prevClosePrice", "openPrice", "highPrice", "lowPrice", "bidPrice")
    return {
        "symbol": symbol,
        **dict.fromkeys(figures, price),
        "askPrice": price,
        "volume": "1",
        "quoteVolume": price,
        "openTime": now_milliseconds() - 86_400_000,
        "closeTime": now_milliseconds(),
        "count": None,
    }


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v1/contract/ticker`` of one contract."""
    symbol = query.get("symbol", "")
    if all(contract["symbol"] != symbol for contract in _CONTRACTS):
        return None
    price = bare(place.price(symbol.replace("_", "/")))
    figures = ("lastPrice", "bid1", "ask1", "lower24Price", "high24Price", "indexPrice")
    ticker = {"symbol": symbol, **dict.fromkeys(figures, price), "fairPrice": price}
    more = {"volume24": 1, "amount24": price, "timestamp": now_milliseconds()}
    return {"success": True, "code": 0, "data": {**ticker, **more}}


SPOT_SCHEME = SignatureScheme(claimed_key=header_key("X-MEXC-APIKEY"), problem=_spot_problem)
_KEY_SCHEME = SignatureScheme(claimed_key=header_key("X-MEXC-APIKEY"), problem=_key_problem)
FUTURES_SCHEME = SignatureScheme(claimed_key=header_key("ApiKey"), problem=_futures_problem)
SPOT_REFUSALS = refusals_of(
    lambda code, text, _now: {"code": code, "msg": text},
    key=(400, 10072, "Api key info invalid"),
    signature=(400, 700002, "Signature for this request is not valid."),
    stale=(400, 700003, "Timestamp for this request is outside of the recvWindow."),
    limited=(429, "Too Many Requests"),
    broken=(500, "Under maintenance"),
    query=(400, 730707, "accessKey cannot be null"),
)
FUTURES_REFUSALS = refusals_of(
    lambda code, text, _now: {"success": False, "code": code, "message": text},
    key=(401, 402, "API Key expired"),
    signature=(401, 602, "Signature verification failed"),
    stale=(401, 700003, "Timestamp for this request is outside of the recvWindow."),
    limited=(510, "Requests are too frequent"),
    broken=(501, "System busy"),
)
BALANCES = (
    Endpoint("mexc", Pool.SPOT, "/api/v3/account", SPOT_SCHEME, SPOT_REFUSALS, _spot),
    Endpoint(
        "mexc",
        Pool.FUTURES,
        "/api/v1/private/account/assets",
        FUTURES_SCHEME,
        FUTURES_REFUSALS,
        _futures,
    ),
)
NOTICES = (
    Notice(
        "/api/v3/apiKeyInfo",
        lambda _now: {},
        scheme=_KEY_SCHEME,
        refusals=SPOT_REFUSALS,
        of_account=lambda account: {
            "note": "",
            "accessKey": account.api_key,
            "permissions": "SPOT_ACCOUNT_READ,SPOT_WITHDRAW_READ"
            + (",SPOT_WITHDRAW_WRITE" if account.can_withdraw else ""),
            "ipWhiteList": "",
            "status": "VALID",
        },
    ),
    Notice("/api/v3/time", lambda now: {"serverTime": now}),
)
MARKETS = (
    PublicEndpoint("/api/v3/exchangeInfo", _pairs),
    PublicEndpoint("/api/v3/ticker/24hr", _spot_ticker),
    PublicEndpoint("/api/v1/contract/detail", _contracts),
    PublicEndpoint("/api/v1/contract/ticker", _contract_ticker),
)


VENUES = (SimulatedVenue("mexc", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

"""Kraken, and Kraken Futures with keys of its own."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
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
    TOLERANCE_MILLISECONDS,
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    same,
)

_NAMES = {"USD": "ZUSD", "EUR": "ZEUR", "BTC": "XXBT", "ETH": "XETH"}


def _hmac_sha512(secret: str, text: bytes) -> str:
    try:
        key = base64.b64decode(secret)
    except (ValueError, binascii.Error):
        key = b""
    return base64.b64encode(hmac.new(key, text, hashlib.sha512).digest()).decode()


def _spot_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("API-Sign", "")
    nonce = parse_qs(request.body).get("nonce", [""])[0]
    if not signature:
        return Problem.NO_SIGNATURE
    # Any number will do that is higher than the key's last one, which is taken to be of now.
    lowest = request.received_at_milliseconds - TOLERANCE_MILLISECONDS
    if not nonce.isdecimal() or int(nonce) < lowest:
        return Problem.STALE
    digest = hashlib.sha256((nonce + request.body).encode()).digest()
    expected = _hmac_sha512(holder.api_secret, request.path.encode() + digest)
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _futures_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("Authent", "")
    if not signature:
        return Problem.NO_SIGNATURE
    path = request.path.removeprefix("/derivatives")
    digest = hashlib.sha256((request.query + path).encode()).digest()
    expected = _hmac_sha512(holder.api_secret, digest)
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _spot(holdings: Holdings) -> Any:
    """``POST /0/private/BalanceEx``: what is free of the account's currency earns rewards."""
    result = {
        _NAMES.get(name, name): {"balance": amount, "hold_trade": holdings.used_of(name)}
        for name, amount in holdings.listed.items()
    }
    own = _NAMES.get(holdings.currency, holdings.currency)
    if own in result:
        used = holdings.used_of(holdings.currency)
        free = holdings.free_of(holdings.currency, result[own]["balance"])
        result[own] = {"balance": used, "hold_trade": used}
        name = "XBT" if holdings.currency == "BTC" else holdings.currency
        result[f"{name}.F"] = {"balance": free, "hold_trade": "0"}
    return {"error": [], "result": result}


def _futures(holdings: Holdings) -> Any:
    pnl = holdings.pnl_of(holdings.currency)
    flex = {
        "currencies": {
            "XBT" if name == "BTC" else name: {
                "quantity": amount,
                "value": holdings.value_of(name),
                "collateral": holdings.value_of(name),
                "available": holdings.free_of(name, amount),
            }
            for name, amount in holdings.listed_without_zeros.items()
        },
        "initialMargin": holdings.used_of(holdings.currency),
        "balanceValue": holdings.total,
        "portfolioValue": holdings.equity_of(holdings.currency, holdings.total),
        "pnl": pnl,
        "unrealizedFunding": "0",
        "totalUnrealized": pnl,
        "availableMargin": holdings.total,
        "marginEquity": holdings.total,
        "type": "multiCollateralMarginAccount",
    }
    moment = datetime.fromtimestamp(holdings.now_milliseconds // 1000, UTC)
    return {
        "result": "success",
        "accounts": {"cash": {"balances": {}, "type": "cashAccount"}, "flex": flex},
        "serverTime": f"{moment:%Y-%m-%dT%H:%M:%S}.000Z",
    }


_PAIRS = {"XXBTZUSD": ("BTC/USD", "0.00005"), "XETHZUSD": ("ETH/USD", "0.001")}
"""Pairs, and the least amount."""

_CONTRACTS = {"PF_XBTUSD": ("BTC/USD", 4), "PF_ETHUSD": ("ETH/USD", 3), "PI_XBTUSD": ("BTC/USD", 0)}
"""Contracts of one coin, or one dollar, and the decimals of their amounts."""


def _pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /0/public/AssetPairs``."""
    pairs = {
        name: {
            "altname": name.replace("XX", "X").replace("XE", "E").replace("ZUSD", "USD"),
            "wsname": pair.replace("BTC", "XBT"),
            "aclass_base": "currency",
            "base": name[:4],
            "aclass_quote": "currency",
            "quote": "ZUSD",
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": 1,
            "lot_decimals": 8,
            "lot_multiplier": 1,
            "leverage_buy": [2, 3],
            "leverage_sell": [2, 3],
            "fees": [[0, bare("0.40")]],
            "fees_maker": [[0, bare("0.25")]],
            "fee_volume_currency": "ZUSD",
            "ordermin": least,
            "costmin": "0.5",
            "tick_size": "0.1",
            "status": "online",
        }
        for name, (pair, least) in _PAIRS.items()
    }
    return {"error": [], "result": pairs}


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /0/public/Ticker`` of one pair."""
    name = query.get("pair", "")
    if name not in _PAIRS:
        return None
    price = place.price(_PAIRS[name][0])
    ticker = {
        "a": [price, "1", "1.000"],
        "b": [price, "1", "1.000"],
        "c": [price, "0.001"],
        **{name: [price, price] for name in ("p", "l", "h")},
        "v": ["1", "1"],
        "t": [1, 1],
        "o": price,
    }
    return {"error": [], "result": {name: ticker}}


_LEVEL = {"PI": "contracts", "PF": "numNonContractUnits"}
"""What a margin level starts at: contracts of a dollar, or dollars."""


def _instruments(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /derivatives/api/v3/instruments``."""
    instruments = [
        {
            "symbol": name,
            "type": "futures_inverse" if name.startswith("PI_") else "flexible_futures",
            "base": pair.replace("BTC", "XBT").partition("/")[0],
            "quote": "USD",
            "tickSize": bare("0.5"),
            "contractSize": 1,
            "contractValueTradePrecision": decimals,
            "tradeable": True,
            "maxPositionSize": 1000000,
            "marginLevels": [
                {_LEVEL[name[:2]]: start, "initialMargin": bare(margin)}
                for start, margin in ((0, "0.02"), (500000, "0.04"), (1000000, "0.1"))
            ],
            "openingDate": "2022-01-01T00:00:00.000Z",
            "isin": None,
        }
        for name, (pair, decimals) in _CONTRACTS.items()
    ]
    return {"result": "success", "instruments": instruments, "serverTime": _iso_time()}


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /derivatives/api/v3/tickers/{symbol}``."""
    name = query["symbol"]
    if name not in _CONTRACTS:
        return None
    price = bare(place.price(_CONTRACTS[name][0]))
    ticker = {
        "tag": "perpetual",
        "symbol": name,
        **dict.fromkeys(("last", "bid", "ask", "markPrice", "indexPrice", "open24h"), price),
        "lastTime": _iso_time(),
        "vol24h": 1,
        "suspended": False,
    }
    return {"result": "success", "ticker": ticker, "serverTime": _iso_time()}


def _iso_time() -> str:
    return f"{datetime.fromtimestamp(now_milliseconds() // 1000, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


SPOT_SCHEME = SignatureScheme(claimed_key=header_key("API-Key"), problem=_spot_problem)
FUTURES_SCHEME = SignatureScheme(claimed_key=header_key("APIKey"), problem=_futures_problem)
SPOT_REFUSALS = refusals_of(
    # The code is what ccxt goes by; the rest stands beside it.
    lambda code, text, _now: {"error": [code, text]},
    key=(200, "EAPI:Invalid key", "invalid key"),
    signature=(200, "EAPI:Invalid signature", "invalid signature"),
    stale=(200, "EAPI:Invalid nonce", "invalid nonce"),
    limited=("EAPI:Rate limit exceeded", "rate limit"),
    broken=("EService:Unavailable", "unavailable"),
)
FUTURES_REFUSALS = refusals_of(
    lambda code, text, _now: {"result": "error", "error": code, "message": text},
    key=(200, "authenticationError", "authentication error"),
    signature=(200, "authenticationError", "authentication error"),
    stale=(200, "nonceBelowThreshold", "nonce"),
    limited=("apiLimitExceeded", "limit"),
    broken=("Unavailable", "unavailable"),
)
_SPOT_BALANCES = (
    Endpoint(
        "kraken", Pool.SPOT, "/0/private/BalanceEx", SPOT_SCHEME, SPOT_REFUSALS, _spot, "POST"
    ),
)
_FUTURES_BALANCES = (
    Endpoint(
        "krakenfutures",
        Pool.FUTURES,
        "/derivatives/api/v3/accounts",
        FUTURES_SCHEME,
        FUTURES_REFUSALS,
        _futures,
    ),
)
_SPOT_NOTICES = (
    Notice(
        "/0/private/GetApiKeyInfo",
        lambda _now: {},
        method="POST",
        scheme=SPOT_SCHEME,
        refusals=SPOT_REFUSALS,
        of_account=lambda account: {
            "error": [],
            "result": {
                "apiKeyName": "",
                "permissions": [
                    "query-funds",
                    "modify-trades",
                    *(["withdraw-funds"] if account.can_withdraw else []),
                ],
                "ipAllowlist": [],
            },
        },
    ),
    Notice("/0/public/Time", lambda now: {"error": [], "result": {"unixtime": now // 1000}}),
)
_SPOT_MARKETS = (
    PublicEndpoint("/0/public/AssetPairs", _pairs),
    PublicEndpoint("/0/public/Ticker", _spot_ticker),
)
_FUTURES_MARKETS = (
    PublicEndpoint("/derivatives/api/v3/instruments", _instruments),
    PublicEndpoint("/derivatives/api/v3/tickers/{symbol}", _contract_ticker),
)


VENUES = (
    SimulatedVenue(
        "kraken",
        balances=_SPOT_BALANCES,
        markets=_SPOT_MARKETS,
        notices=_SPOT_NOTICES,
    ),
    SimulatedVenue(
        "krakenfutures",
        balances=_FUTURES_BALANCES,
        markets=_FUTURES_MARKETS,
    ),
)

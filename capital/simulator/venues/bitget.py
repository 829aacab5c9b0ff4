"""Bitget."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace, now_milliseconds
from capital.simulator.refusals import Problem, refusals_of
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    hmac_sha256,
    same,
)


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("ACCESS-SIGN", "")
    timestamp = request.headers.get("ACCESS-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    if not same(holder.api_passphrase, request.headers.get("ACCESS-PASSPHRASE", "")):
        return Problem.WRONG_PASSPHRASE
    digest = hmac_sha256(
        holder.api_secret, timestamp + request.method + request.target + request.body
    )
    return None if same(base64.b64encode(digest).decode(), signature) else Problem.WRONG_SIGNATURE


def _enveloped(data: Any, now_milliseconds: int) -> Any:
    return {
        "code": "00000",
        "msg": "success",
        "requestTime": now_milliseconds,
        "data": data,
    }


def _spot(holdings: Holdings) -> Any:
    return _enveloped(
        [
            {
                "coin": name,
                "available": holdings.free_of(name, amount),
                "limitAvailable": "0",
                "frozen": holdings.used_of(name),
                "locked": "0",
                "uTime": str(holdings.now_milliseconds),
            }
            for name, amount in holdings.listed_without_zeros.items()
        ],
        holdings.now_milliseconds,
    )


def _futures(holdings: Holdings) -> Any:
    return _enveloped(
        [
            {
                "marginCoin": name,
                "locked": "0",
                "available": holdings.free_of(name, amount),
                "crossedMaxAvailable": holdings.free_of(name, amount),
                "isolatedMaxAvailable": holdings.free_of(name, amount),
                "maxTransferOut": holdings.free_of(name, amount),
                "accountEquity": holdings.equity_of(name, amount),
                "usdtEquity": holdings.value_of(name),
                "btcEquity": "0",
                "crossedRiskRate": "0",
                # Null without a position, which is no number.
                "unrealizedPL": holdings.pnl_of(name) if holdings.has_position(name) else None,
                "coupon": "0",
                "crossedUnrealizedPL": None,
                "isolatedUnrealizedPL": None,
                "isolatedMargin": "0",
                "crossedMargin": holdings.used_of(name),
                "assetMode": "single",
            }
            for name, amount in holdings.listed.items()
        ],
        holdings.now_milliseconds,
    )


def _unified(holdings: Holdings) -> Any:
    assets = [
        {
            "coin": name,
            "equity": holdings.equity_of(name, amount),
            "usdValue": holdings.value_of(name),
            # Without what orders lock.
            "balance": holdings.free_of(name, amount),
            "available": holdings.free_of(name, amount),
            "debt": "0",
            "locked": holdings.used_of(name),
        }
        for name, amount in holdings.listed_without_zeros.items()
    ]
    account = {"accountEquity": holdings.total, "usdtEquity": holdings.total, "assets": assets}
    return _enveloped(account, holdings.now_milliseconds)


def _pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/spot/public/symbols``."""
    pairs = [
        {
            "symbol": f"{base}USDT",
            "baseCoin": base,
            "quoteCoin": "USDT",
            "minTradeAmount": "0",
            "maxTradeAmount": "900000000000000000000",
            "takerFeeRate": "0.002",
            "makerFeeRate": "0.002",
            "pricePrecision": "2",
            "quantityPrecision": decimals,
            "quotePrecision": "8",
            "status": "online",
            "minTradeUSDT": "1",
            "buyLimitPriceRatio": "0.05",
            "sellLimitPriceRatio": "0.05",
        }
        for base, decimals in (("BTC", "6"), ("ETH", "4"))
    ]
    return _enveloped(pairs, now_milliseconds())


def _margin_pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/margin/currencies``."""
    pairs = [
        {
            "symbol": f"{base}USDT",
            "baseCoin": base,
            "quoteCoin": "USDT",
            "maxCrossedLeverage": "3",
            "isBorrowable": True,
            "isCrossBorrowable": True,
            "isIsolatedBaseBorrowable": True,
            "isIsolatedQuoteBorrowable": True,
            "status": "1",
        }
        for base in ("BTC", "ETH")
    ]
    return _enveloped(pairs, now_milliseconds())


def _contract(base: str, quote: str, step: str, *margin_coins: str) -> Any:
    return {
        "symbol": f"{base}PERP" if quote == "USDC" else f"{base}{quote}",
        "baseCoin": base,
        "quoteCoin": quote,
        "buyLimitPriceRatio": "0.05",
        "sellLimitPriceRatio": "0.05",
        "makerFeeRate": "0.0002",
        "takerFeeRate": "0.0006",
        "supportMarginCoins": list(margin_coins),
        "minTradeNum": step,
        "priceEndStep": "1",
        "volumePlace": str(len(step.partition(".")[2])),
        "pricePlace": "1",
        "sizeMultiplier": step,
        "maxOrderQty": "1200",
        "maxMarketOrderQty": "220",
        "symbolType": "perpetual",
        "minTradeUSDT": "5",
        "symbolStatus": "normal",
        "offTime": "-1",
        "deliveryTime": "",
        "launchTime": "",
        "fundInterval": "8",
        "minLever": "1",
        "maxLever": "125",
    }


_CONTRACTS: Mapping[str, list[Any]] = {
    "USDT-FUTURES": [
        _contract("BTC", "USDT", "0.0001", "USDT"),
        _contract("ETH", "USDT", "0.01", "USDT"),
    ],
    "COIN-FUTURES": [_contract("BTC", "USD", "0.001", "BTC", "ETH", "USDC")],
    "USDC-FUTURES": [_contract("BTC", "USDC", "0.0001", "USDC")],
}


def _contracts(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/mix/market/contracts`` of one kind; those that only simulate have none."""
    return _enveloped(_CONTRACTS.get(query.get("productType", ""), []), now_milliseconds())


# Of each contract, up to which value and with which leverage.
_TIERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "BTCUSDT": (("150000", "125"), ("600000", "100"), ("2000000", "50")),
    "ETHUSDT": (("100000", "125"), ("500000", "75")),
    "BTCPERP": (("50000", "125"), ("200000", "50")),
}


def _position_tiers(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/mix/market/query-position-lever`` of one contract of a kind."""
    symbol, listed = query.get("symbol", ""), _CONTRACTS.get(query.get("productType", ""), [])
    if symbol not in _TIERS or all(contract["symbol"] != symbol for contract in listed):
        return {"code": "40034", "msg": f"Parameter {symbol} does not exist", "data": None}
    tiers = _TIERS[symbol]
    starts = ["0", *(end for end, _ in tiers)]
    levels = [
        {
            "symbol": symbol,
            "level": str(number),
            "startUnit": starts[number - 1],
            "endUnit": end,
            "leverage": leverage,
            "keepMarginRate": "0.004",
        }
        for number, (end, leverage) in enumerate(tiers, 1)
    ]
    return _enveloped(levels, now_milliseconds())


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v2/spot/market/tickers`` of one symbol: a list of one."""
    base = query.get("symbol", "").removesuffix("USDT")
    return _ticker(query, place.price(f"{base}/USDT")) if base in ("BTC", "ETH") else None


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v2/mix/market/ticker``: a list of one."""
    for contract in _CONTRACTS.get(query.get("productType", ""), []):
        if contract["symbol"] == query.get("symbol"):
            return _ticker(query, place.price(f"{contract['baseCoin']}/{contract['quoteCoin']}"))
    return None


def _ticker(query: Mapping[str, str], price: str) -> Any:
    figures = ("lastPr", "open24h", "high24h", "low24h", "bidPr", "askPr", "openUtc")
    now = now_milliseconds()
    one = {"symbol": query["symbol"], **dict.fromkeys(figures, price), "baseVolume": "1"}
    return _enveloped([{**one, "quoteVolume": price, "ts": str(now)}], now)


SCHEME = SignatureScheme(
    claimed_key=header_key("ACCESS-KEY"), problem=_problem, needs_passphrase=True
)
REFUSALS = refusals_of(
    lambda code, text, now: {"code": code, "msg": text, "requestTime": now, "data": None},
    key=(400, "40006", "Invalid ACCESS_KEY"),
    signature=(400, "40009", "sign signature error"),
    stale=(400, "40008", "Request timestamp expired"),
    passphrase=(400, "40012", "apikey/password is incorrect"),
    limited=("429", "Too Many Requests"),
    broken=("40725", "service return an error"),
)
BALANCES = tuple(
    Endpoint("bitget", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/api/v2/spot/account/assets", _spot),
        (Pool.FUTURES, "/api/v2/mix/account/accounts", _futures),
        (Pool.UNIFIED, "/api/v3/account/assets", _unified),
    )
)
NOTICES = (
    Notice(
        "/api/v3/account/settings",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped({"accountMode": account.account_mode}, 0),
    ),
    Notice(
        "/api/v3/account/info",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped(
            {
                "userId": "1",
                "permType": "read-and-write",
                "permissions": ["uta_mgt", *(["withdraw"] if account.can_withdraw else [])],
            },
            0,
        ),
    ),
    Notice(
        "/api/v2/spot/account/info",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped(
            {
                "userId": "1",
                "authorities": [
                    "coor",
                    "stow",
                    "wtow",
                    *(["wwow"] if account.can_withdraw else []),
                ],
            },
            0,
        ),
    ),
    Notice("/api/v2/public/time", lambda now: _enveloped({"serverTime": str(now)}, now)),
)
MARKETS = (
    PublicEndpoint("/api/v2/spot/public/symbols", _pairs),
    PublicEndpoint("/api/v2/margin/currencies", _margin_pairs),
    PublicEndpoint("/api/v2/mix/market/contracts", _contracts),
    PublicEndpoint("/api/v2/mix/market/query-position-lever", _position_tiers),
    PublicEndpoint("/api/v2/spot/market/tickers", _spot_ticker),
    PublicEndpoint("/api/v2/mix/market/ticker", _contract_ticker),
)


VENUES = (SimulatedVenue("bitget", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

"""Binance."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings, is_plain
from capital.simulator.markets import MarketPlace, candle_spans, now_milliseconds
from capital.simulator.refusals import Problem, Refusal, Refusals
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    is_signed,
)


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    # The signature is the last parameter and covers the query before it.
    sent = request.query or request.body
    signed, separator, signature = sent.rpartition("&signature=")
    if not (separator and signature):
        return Problem.NO_SIGNATURE
    timestamp = parse_qs(signed).get("timestamp", [""])[0]
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    # In Base64 it is percent-encoded.
    if not is_signed(holder.api_secret, signed, unquote(signature)):
        return Problem.WRONG_SIGNATURE
    return None


def _refusal(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"code": code, "msg": text}


_WRONG_KEY = "Invalid API-key, IP, or permissions for action."


REFUSALS = Refusals(
    body=_refusal,
    by_problem={
        Problem.NO_KEY: Refusal(401, -2014, "API-key format invalid."),
        Problem.UNKNOWN_KEY: Refusal(401, -2015, _WRONG_KEY),
        Problem.NO_SIGNATURE: Refusal(
            400, -1102, "Mandatory parameter 'signature' was not sent, was empty/null or malformed."
        ),
        Problem.WRONG_SIGNATURE: Refusal(400, -1022, "Signature for this request is not valid."),
        Problem.STALE: Refusal(
            400, -1021, "Timestamp for this request is outside of the recvWindow."
        ),
        Problem.UNAUTHORIZED: Refusal(401, -2015, _WRONG_KEY),
        Problem.BANNED: Refusal(418, -1003, "Way too many requests; IP banned for 60 seconds."),
        Problem.RATE_LIMITED: Refusal(429, -1003, "Too many requests."),
        Problem.SERVER_ERROR: Refusal(500, -1000, "An unknown error occurred."),
    },
)


_SPOT_CATALOGUE = ("BTC", "ETH", "BNB", "USDT", "USDC")


_MARGIN_CATALOGUE = ("USDT", "USDC", "BNB")


_COIN_CATALOGUE = ("BTC", "ETH", "XRP")


def _padded(amount: str) -> str:
    """``amount`` with eight decimals at least, never fewer than it has."""
    whole, _, fraction = amount.partition(".")
    return f"{whole}.{fraction.ljust(8, '0')}" if is_plain(amount) else amount


def _spot(holdings: Holdings) -> Any:
    """``GET /api/v3/account``: every asset of the catalogue, zeros too."""
    commissions = ("maker", "taker", "buyer", "seller")
    return {
        "makerCommission": 10,
        "takerCommission": 10,
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": dict.fromkeys(commissions, _padded("0")),
        "canTrade": True,
        "canWithdraw": True,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": holdings.now_milliseconds,
        "accountType": "SPOT",
        "balances": [
            {
                "asset": name,
                "free": _padded(holdings.free_of(name, amount)),
                "locked": _padded(holdings.used_of(name)),
            }
            for name, amount in holdings.listed_with(_SPOT_CATALOGUE).items()
        ],
        "permissions": ["SPOT"],
        "uid": holdings.owner,
    }


def _futures(holdings: Holdings) -> Any:
    """``GET /fapi/v3/account``: USDⓈ-M; ``updateTime`` 0 marks what never was there."""
    nothing, total = _padded("0"), _padded(holdings.total)
    pnl = _padded(holdings.pnl_of(holdings.currency))
    margin = _padded(holdings.equity_of(holdings.currency, holdings.total))
    free = _padded(_available(holdings, holdings.currency, holdings.total))
    return {
        "totalInitialMargin": nothing,
        "totalMaintMargin": nothing,
        "totalWalletBalance": total,
        "totalUnrealizedProfit": pnl,
        "totalMarginBalance": margin,
        "totalPositionInitialMargin": nothing,
        "totalOpenOrderInitialMargin": nothing,
        "totalCrossWalletBalance": total,
        "totalCrossUnPnl": nothing,
        "availableBalance": free,
        "maxWithdrawAmount": free,
        "assets": [
            _margin_asset(
                holdings,
                name,
                amount,
                # Zero marks an asset that never was in the wallet: a placeholder.
                holdings.now_milliseconds if name in holdings.amounts else 0,
            )
            for name, amount in holdings.listed_with(_MARGIN_CATALOGUE).items()
        ],
        "positions": [],
    }


def _coin_futures(holdings: Holdings) -> Any:
    """``GET /dapi/v1/account``: COIN-M, a wallet for each coin and nothing over all of them."""
    return {
        "assets": [
            _margin_asset(
                holdings, name, amount, holdings.now_milliseconds if name in holdings.amounts else 0
            )
            for name, amount in holdings.listed_with(_COIN_CATALOGUE).items()
        ],
        "positions": [],
        "canDeposit": True,
        "canTrade": True,
        "canWithdraw": True,
        "feeTier": 0,
        "updateTime": 0,
    }


def _available(holdings: Holdings, name: str, amount: str) -> str:
    """What can be committed: an isolated position, which has a margin here, takes its PnL along."""
    is_isolated = holdings.used_of(name).strip("-0.")
    return holdings.free_of(name, amount) if is_isolated else holdings.equity_of(name, amount)


def _margin_asset(holdings: Holdings, name: str, amount: str, updated_at_milliseconds: int) -> Any:
    nothing, used = _padded("0"), _padded(holdings.used_of(name))
    pnl = _padded(holdings.pnl_of(name))
    return {
        "asset": name,
        "walletBalance": _padded(amount),
        "unrealizedProfit": pnl,
        "marginBalance": _padded(holdings.equity_of(name, amount)),
        "maintMargin": nothing,
        "initialMargin": used,
        "positionInitialMargin": used,
        "openOrderInitialMargin": nothing,
        "crossWalletBalance": _padded(holdings.free_of(name, amount)),
        "crossUnPnl": nothing if holdings.used_of(name).strip("-0.") else pnl,
        "availableBalance": _padded(_available(holdings, name, amount)),
        "maxWithdrawAmount": _padded(_available(holdings, name, amount)),
        "updateTime": updated_at_milliseconds,
    }


def _portfolio(holdings: Holdings) -> Any:
    """``GET /papi/v1/balance``: portfolio margin; what is free stands nowhere."""
    return [
        {
            "asset": name,
            "totalWalletBalance": _padded(amount),
            "crossMarginAsset": _padded(amount),
            "crossMarginBorrowed": _padded("0"),
            "crossMarginFree": _padded(amount),
            "crossMarginInterest": _padded("0"),
            "crossMarginLocked": _padded("0"),
            "umWalletBalance": _padded("0"),
            "umUnrealizedPNL": _padded(holdings.pnl_of(name)),
            "cmWalletBalance": _padded("0"),
            "cmUnrealizedPNL": "",
            "updateTime": holdings.now_milliseconds,
            "negativeBalance": _padded("0"),
        }
        for name, amount in holdings.listed.items()
    ]


def _spot_markets(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v3/exchangeInfo``."""
    cost = {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True}
    return {
        "timezone": "UTC",
        "serverTime": now_milliseconds(),
        "symbols": [
            _symbol(base, filters=_filters(step, "9000", most, "0.01", cost))
            for base, step, most in (("BTC", "0.00001", "112.2"), ("ETH", "0.0001", "1630.4"))
        ],
    }


def _futures_markets(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /fapi/v1/exchangeInfo``: USDⓈ-M."""
    cost = {"filterType": "MIN_NOTIONAL", "notional": "100"}
    return {
        "timezone": "UTC",
        "serverTime": now_milliseconds(),
        "symbols": [
            _symbol(
                base,
                pair=f"{base}USDT",
                contractType="PERPETUAL",
                deliveryDate=4133404800000,
                marginAsset="USDT",
                pricePrecision=2,
                quantityPrecision=3,
                filters=_filters("0.001", "1000", most, "0.10", cost),
            )
            for base, most in (("BTC", "120"), ("ETH", "2000"))
        ],
    }


def _coin_futures_markets(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /dapi/v1/exchangeInfo``: COIN-M, in contracts of a hundred dollars."""
    filters = _filters("1", "1000000", "60000", "0.1", {"filterType": "PERCENT_PRICE"})
    contract = _symbol(
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
    return {"timezone": "UTC", "serverTime": now_milliseconds(), "symbols": [contract]}


# By symbol: leverage with the largest notional, or of COIN-M the largest quantity, in coins.
_LINEAR_BRACKETS = {
    "BTCUSDT": (("125", "300000"), ("100", "800000"), ("50", "12000000")),
    "ETHUSDT": (("100", "300000"), ("50", "12000000")),
}
# Of portfolio margin.
_PORTFOLIO_BRACKETS = {"BTCUSDT": (("75", "600000"), ("50", "12000000"))}
_COIN_BRACKETS = {"BTCUSD_PERP": (("125", "5"), ("100", "10"), ("50", "20"))}


def _leverage_brackets(
    brackets: Mapping[str, tuple[tuple[str, str], ...]], cap: str, floor: str
) -> Any:
    """``GET …/leverageBracket`` without a symbol."""
    return [
        {
            "symbol": symbol,
            "brackets": [
                {
                    "bracket": number,
                    "initialLeverage": int(leverage),
                    cap: int(size),
                    floor: int(levels[number - 2][1]) if number > 1 else 0,
                    "maintMarginRatio": 0.004,
                    "cum": 0.0,
                }
                for number, (leverage, size) in enumerate(levels, 1)
            ],
        }
        for symbol, levels in brackets.items()
    ]


def _linear_brackets(_now: int) -> Any:
    return _leverage_brackets(_LINEAR_BRACKETS, "notionalCap", "notionalFloor")


def _portfolio_brackets(_now: int) -> Any:
    return _leverage_brackets(_PORTFOLIO_BRACKETS, "notionalCap", "notionalFloor")


def _coin_brackets(_now: int) -> Any:
    # The name of the last is spelt so in the documentation.
    return _leverage_brackets(_COIN_BRACKETS, "qtyCap", "qtylFloor")


def _symbol(base: str, **fields: Any) -> Any:
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


def _filters(step: str, most: str, market_most: str, tick: str, cost: Any) -> list[Any]:
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


def _ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET …/ticker/24hr`` of either market."""
    base = query.get("symbol", "").removesuffix("USDT")
    if base not in ("BTC", "ETH"):
        return None
    return _ticker_of(f"{base}USDT", place.price(f"{base}/USDT"))


def _coin_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /dapi/v1/ticker/24hr``: a list, also of one."""
    if query.get("symbol") != "BTCUSD_PERP":
        return None
    return [_ticker_of("BTCUSD_PERP", place.price("BTC/USD"))]


def _mark(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /fapi/v1/premiumIndex`` of one symbol."""
    base = query.get("symbol", "").removesuffix("USDT")
    if base not in ("BTC", "ETH"):
        return None
    return _mark_of(f"{base}USDT", place.price(f"{base}/USDT"))


def _coin_mark(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /dapi/v1/premiumIndex``: a list, also of one."""
    if query.get("symbol") != "BTCUSD_PERP":
        return None
    return [_mark_of("BTCUSD_PERP", place.price("BTC/USD"))]


def _candles(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET …/klines`` of either market, and of marks: the price has always been what it is."""
    base = query.get("symbol", "").removesuffix("USDT")
    if base not in ("BTC", "ETH"):
        return None
    price = place.price(f"{base}/USDT")
    asked = {name: query.get(key, "") for name, key in _SPAN.items()}
    return [
        # Four prices, the volume, and what else a candle has.
        [each.opened_at, *[price] * 4, "10", each.closed_at, price, 1, "5", price, "0"]
        for each in candle_spans(query.get("interval", "1m"), now=now_milliseconds(), **asked)
    ]


_SPAN = {"limit": "limit", "start": "startTime", "end": "endTime"}


def _book(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET …/depth``: as much as anybody wants, at the price."""
    base = query.get("symbol", "").removesuffix("USDT")
    if base not in ("BTC", "ETH"):
        return None
    level = [[place.price(f"{base}/USDT"), "100000"]]
    return {"lastUpdateId": now_milliseconds(), "bids": level, "asks": level}


def _funding(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /fapi/v1/fundingRate``: none was paid yet."""
    return []


def _mark_of(symbol: str, price: str) -> Any:
    return {
        "symbol": symbol,
        "markPrice": price,
        "indexPrice": price,
        "lastFundingRate": "0.0001",
        "time": now_milliseconds(),
    }


def _ticker_of(symbol: str, price: str) -> Any:
    return {
        "symbol": symbol,
        "lastPrice": price,
        "openPrice": price,
        "highPrice": price,
        "lowPrice": price,
        "volume": "1",
        "quoteVolume": price,
        "openTime": now_milliseconds() - 86_400_000,
        "closeTime": now_milliseconds(),
    }


SCHEME = SignatureScheme(claimed_key=header_key("X-MBX-APIKEY"), problem=_problem)


BALANCES = (
    Endpoint(
        venue="binance",
        pool=Pool.SPOT,
        path="/api/v3/account",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_spot,
    ),
    Endpoint(
        venue="binance",
        pool=Pool.FUTURES,
        path="/fapi/v3/account",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_futures,
    ),
    Endpoint(
        venue="binance",
        pool=Pool.FUTURES,
        path="/dapi/v1/account",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_coin_futures,
    ),
    Endpoint(
        venue="binance",
        pool=Pool.UNIFIED,
        path="/papi/v1/balance",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_portfolio,
    ),
)
NOTICES = (
    Notice(
        "/sapi/v1/account/apiRestrictions",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {"enableWithdrawals": account.can_withdraw},
    ),
    Notice(
        "/sapi/v1/account/info",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "vipLevel": 0,
            "isMarginEnabled": True,
            "isFutureEnabled": True,
            "isOptionsEnabled": False,
            "isPortfolioMarginRetailEnabled": account.account_mode == "true",
        },
    ),
    *(
        Notice(path, build, scheme=SCHEME, refusals=REFUSALS)
        for path, build in (
            ("/fapi/v1/leverageBracket", _linear_brackets),
            ("/papi/v1/um/leverageBracket", _portfolio_brackets),
            ("/dapi/v2/leverageBracket", _coin_brackets),
            ("/papi/v1/cm/leverageBracket", _coin_brackets),
        )
    ),
    Notice("/api/v3/time", lambda now: {"serverTime": now}),
    Notice("/fapi/v1/time", lambda now: {"serverTime": now}),
)
MARKETS = (
    PublicEndpoint("/api/v3/exchangeInfo", _spot_markets),
    PublicEndpoint("/fapi/v1/exchangeInfo", _futures_markets),
    PublicEndpoint("/dapi/v1/exchangeInfo", _coin_futures_markets),
    PublicEndpoint("/dapi/v1/ticker/24hr", _coin_ticker),
    PublicEndpoint("/api/v3/ticker/24hr", _ticker),
    PublicEndpoint("/fapi/v1/ticker/24hr", _ticker),
    PublicEndpoint("/fapi/v1/premiumIndex", _mark),
    PublicEndpoint("/api/v3/klines", _candles),
    PublicEndpoint("/fapi/v1/klines", _candles),
    PublicEndpoint("/fapi/v1/markPriceKlines", _candles),
    PublicEndpoint("/api/v3/depth", _book),
    PublicEndpoint("/fapi/v1/depth", _book),
    PublicEndpoint("/fapi/v1/fundingRate", _funding),
    PublicEndpoint("/dapi/v1/premiumIndex", _coin_mark),
)


VENUES = (SimulatedVenue("binance", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

"""Bybit."""

from collections.abc import Mapping, Sequence
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings, added
from capital.simulator.markets import MarketPlace, now_milliseconds
from capital.simulator.refusals import Problem, Refusal, Refusals
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    is_signed,
)


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("X-BAPI-SIGN", "")
    timestamp = request.headers.get("X-BAPI-TIMESTAMP", "")
    window = request.headers.get("X-BAPI-RECV-WINDOW", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    signed = timestamp + holder.api_key + window + request.query + request.body
    if not is_signed(holder.api_secret, signed, signature):
        return Problem.WRONG_SIGNATURE
    return None


def _refusal(code: int | str, text: str, now_milliseconds: int) -> Any:
    return {
        "retCode": code,
        "retMsg": text,
        "result": {},
        "retExtInfo": {},
        "time": now_milliseconds,
    }


# Bybit refuses at status 200; the other statuses come from a proxy in front of it.
REFUSALS = Refusals(
    body=_refusal,
    by_problem={
        Problem.NO_KEY: Refusal(200, 10003, "API key is invalid."),
        Problem.UNKNOWN_KEY: Refusal(200, 10003, "API key is invalid."),
        Problem.NO_SIGNATURE: Refusal(200, 10004, "error sign!"),
        Problem.WRONG_SIGNATURE: Refusal(200, 10004, "error sign!"),
        Problem.STALE: Refusal(
            200, 10002, "invalid request, please check your server timestamp or recv_window param."
        ),
        Problem.UNAUTHORIZED: Refusal(401, 10003, "API key is invalid."),
        Problem.BANNED: Refusal(418, 10018, "Exceeded the IP rate limit."),
        Problem.RATE_LIMITED: Refusal(429, 10006, "Too many visits!"),
        Problem.SERVER_ERROR: Refusal(500, 10016, "Server error."),
    },
)


def _unified(holdings: Holdings) -> Any:
    """``GET /v5/account/wallet-balance`` in cross margin: coins without a balance are left out."""
    equity = holdings.equity_of(holdings.currency, holdings.total)
    used = holdings.used_of(holdings.currency)
    wallet = {
        "accountType": "UNIFIED",
        "totalEquity": equity,
        "totalWalletBalance": holdings.total,
        "totalMarginBalance": equity,
        "totalAvailableBalance": added(equity, used, sign=-1),
        "totalPerpUPL": holdings.pnl_of(holdings.currency),
        "totalInitialMargin": used,
        "totalMaintenanceMargin": "0",
        "accountIMRate": "0",
        "accountMMRate": "0",
        "accountLTV": "0",
        "coin": [
            _coin(holdings, name, amount) for name, amount in holdings.listed_without_zeros.items()
        ],
    }
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"list": [wallet]},
        "retExtInfo": {},
        "time": holdings.now_milliseconds,
    }


def _coin(holdings: Holdings, name: str, amount: str) -> Any:
    nothing = ("cumRealisedPnl", "borrowAmount", "spotBorrow", "accruedInterest", "bonus")
    margins = ("locked", "totalOrderIM", "totalPositionMM", "spotHedgingQty")
    return {
        "coin": name,
        "walletBalance": amount,
        "equity": holdings.equity_of(name, amount),
        "usdValue": holdings.value_of(name),
        "unrealisedPnl": holdings.pnl_of(name),
        "totalPositionIM": holdings.used_of(name),
        **dict.fromkeys((*nothing, *margins), "0"),
        # No longer filled in, and sent all the same.
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "marginCollateral": True,
        "collateralSwitch": True,
    }


def _enveloped(result: Any) -> Any:
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": result,
        "retExtInfo": {},
        "time": now_milliseconds(),
    }


def _contract(symbol: str, quote: str, settle: str, lot: Mapping[str, str]) -> Any:
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


def _spot(base: str, step: str) -> Any:
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


def _lot(step: str, most: str, market_most: str, **more: str) -> Mapping[str, str]:
    return {
        "qtyStep": step,
        "minOrderQty": step,
        "maxOrderQty": most,
        "maxMktOrderQty": market_most,
        **more,
    }


_LISTED: Mapping[str, list[Any]] = {
    "spot": [_spot("BTC", "0.000001"), _spot("ETH", "0.00001")],
    "linear": [
        _contract("BTCUSDT", "USDT", "USDT", _lot("0.001", "1190", "500", minNotionalValue="5")),
        _contract("ETHUSDT", "USDT", "USDT", _lot("0.01", "7240", "2000", minNotionalValue="5")),
    ],
    "inverse": [_contract("BTCUSD", "USD", "BTC", _lot("1", "25000000", "5000000"))],
}


def _instruments(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v5/market/instruments-info``; nothing is about to be launched."""
    category = query.get("category", "")
    listed = [] if query.get("status") == "PreLaunch" else _LISTED.get(category, [])
    return _enveloped({"category": category, "list": listed, "nextPageCursor": ""})


# Of each contract, up to which value and with which leverage; of BTCUSD in bitcoins.
_RISK_LIMITS: Mapping[str, Mapping[str, Sequence[tuple[str, str]]]] = {
    "linear": {
        "BTCUSDT": (("2000000", "100.00"), ("10000000", "50.00"), ("20000000", "25.00")),
        "ETHUSDT": (("1500000", "100.00"), ("9000000", "50.00")),
    },
    "inverse": {"BTCUSD": (("150", "100.00"), ("300", "50.00"))},
}


def _risk_limits(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v5/market/risk-limit``: here one symbol on each page of linear; there 15."""
    category, cursor = query.get("category", ""), query.get("cursor", "")
    symbols = list(_RISK_LIMITS.get(category, {}))
    start = int(cursor or 0)
    end = start + 1 if category == "linear" else len(symbols)
    levels = [
        {
            "id": number,
            "symbol": symbol,
            "riskLimitValue": value,
            "maintenanceMargin": "0.005",
            "initialMargin": "0.01",
            "isLowestRisk": int(number == 1),
            "maxLeverage": leverage,
            "mmDeduction": "",
        }
        for symbol in symbols[start:end]
        for number, (value, leverage) in enumerate(_RISK_LIMITS[category][symbol], 1)
    ]
    following = str(end) if end < len(symbols) else ""
    return _enveloped({"category": category, "list": levels, "nextPageCursor": following})


def _ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /v5/market/tickers`` of one symbol."""
    category, symbol = query.get("category", ""), query.get("symbol", "")
    for market in _LISTED.get(category, []):
        if market["symbol"] == symbol:
            price = place.price(f"{market['baseCoin']}/{market['quoteCoin']}")
            figures = ["lastPrice", "prevPrice24h", "highPrice24h", "lowPrice24h"]
            if category != "spot":
                figures += ["markPrice", "indexPrice"]
            one = {"symbol": symbol, **dict.fromkeys(figures, price), "volume24h": "1"}
            return _enveloped({"category": category, "list": [one]})
    return None


SCHEME = SignatureScheme(claimed_key=header_key("X-BAPI-API-KEY"), problem=_problem)


BALANCES = (
    Endpoint(
        venue="bybit",
        pool=Pool.UNIFIED,
        path="/v5/account/wallet-balance",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_unified,
    ),
)
NOTICES = (
    Notice(
        "/v5/user/query-api",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "retCode": 0,
            "retMsg": "",
            "result": {
                "uta": int(account.account_mode or 1),
                "permissions": {
                    "Wallet": ["AccountTransfer", *(["Withdraw"] if account.can_withdraw else [])]
                },
            },
        },
    ),
    Notice(
        "/v5/market/time",
        lambda now: {"retCode": 0, "retMsg": "OK", "result": {}, "time": now},
    ),
)
MARKETS = (
    PublicEndpoint("/v5/market/instruments-info", _instruments),
    PublicEndpoint("/v5/market/tickers", _ticker),
    PublicEndpoint("/v5/market/risk-limit", _risk_limits),
)


VENUES = (SimulatedVenue("bybit", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

"""KuCoin."""

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


def _signed(secret: str, text: str) -> str:
    return base64.b64encode(hmac_sha256(secret, text)).decode()


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("KC-API-SIGN", "")
    timestamp = request.headers.get("KC-API-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    passphrase = _signed(holder.api_secret, holder.api_passphrase)
    if not same(passphrase, request.headers.get("KC-API-PASSPHRASE", "")):
        return Problem.WRONG_PASSPHRASE
    expected = _signed(
        holder.api_secret, timestamp + request.method + request.target + request.body
    )
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _spot(holdings: Holdings) -> Any:
    return {
        "code": "200000",
        "data": [
            {
                "id": f"{number:024x}",
                "currency": name,
                "type": "trade",
                "balance": amount,
                "available": holdings.free_of(name, amount),
                "holds": holdings.used_of(name),
            }
            for number, (name, amount) in enumerate(holdings.listed.items(), start=1)
        ],
    }


def _futures(holdings: Holdings) -> Any:
    if holdings.amounts.get(holdings.currency, "0") is None:
        return {"code": "200000", "data": {}}
    name, wallet = holdings.currency, holdings.total
    return {
        "code": "200000",
        "data": {
            "accountEquity": holdings.equity_of(name, wallet),
            "unrealisedPNL": holdings.pnl_of(name),
            "marginBalance": wallet,
            "positionMargin": holdings.used_of(name),
            "orderMargin": "0",
            "frozenFunds": "0",
            "availableBalance": holdings.free_of(name, wallet),
            "currency": "XBT" if name == "BTC" else name,
        },
    }


def _unified(holdings: Holdings) -> Any:
    currencies = [
        {
            "currency": name,
            "equity": holdings.equity_of(name, amount),
            "hold": holdings.used_of(name),
            "balance": amount,
            "available": holdings.free_of(name, amount),
            "liability": "0",
        }
        for name, amount in holdings.listed.items()
    ]
    # An isolated account, of one pair, which is not the unified one.
    nothing = dict.fromkeys(("hold", "liability"), "0")
    six = {"currency": holdings.currency, **dict.fromkeys(("equity", "balance", "available"), "6")}
    isolated = {
        "accountSubtype": f"LTC-{holdings.currency}",
        "riskRatio": "0",
        "currencies": [{**six, **nothing}],
    }
    data = {
        "accountType": "UNIFIED",
        "ts": holdings.now_milliseconds,
        "accounts": [isolated, {"currencies": currencies}],
    }
    return {"code": "200000", "data": data}


def _pair(base: str, step: str) -> Any:
    return {
        "symbol": f"{base}-USDT",
        "name": f"{base}-USDT",
        "baseCurrency": base,
        "quoteCurrency": "USDT",
        "feeCurrency": "USDT",
        "market": "USDS",
        "baseMinSize": step,
        "quoteMinSize": "0.1",
        "baseMaxSize": "10000000000",
        "quoteMaxSize": "99999999",
        "baseIncrement": step,
        "quoteIncrement": "0.000001",
        "priceIncrement": "0.1",
        "priceLimitRate": "0.1",
        "isMarginEnabled": True,
        "enableTrading": True,
    }


def _contract(base: str, quote: str, settle: str, multiplier: str, most: int) -> Any:
    return {
        "symbol": f"{base}{quote}M",
        "rootSymbol": settle,
        "type": "FFWCSX",
        "firstOpenDate": 1585555200000,
        "expireDate": None,
        "baseCurrency": base,
        "quoteCurrency": quote,
        "settleCurrency": settle,
        "maxOrderQty": most,
        "marketMaxOrderQty": most // 2,
        "maxPrice": bare("1000000.0000000000"),
        "lotSize": 1,
        "tickSize": bare("0.1"),
        "multiplier": bare(multiplier),
        "makerFeeRate": bare("0.00020"),
        "takerFeeRate": bare("0.00060"),
        "isInverse": settle == base,
        "status": "Open",
        "nextFundingRateTime": 25481884,
        "maxLeverage": 125,
    }


_PAIRS = [_pair("BTC", "0.00001"), _pair("ETH", "0.0001")]
_CONTRACTS = [
    _contract("XBT", "USDT", "USDT", "0.001", 1000000),
    _contract("ETH", "USDT", "USDT", "0.01", 1000000),
    # In dollars: the minus says that it is paid in the coin.
    _contract("XBT", "USD", "XBT", "-1", 10000000),
]


def _ok(data: Any) -> Any:
    return {"code": "200000", "data": data}


def _pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/symbols``."""
    return _ok(_PAIRS)


def _contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v1/contracts/active``."""
    return _ok(_CONTRACTS)


# Of each contract, up to which value and with which leverage.
_TIERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "XBTUSDTM": (("250000", "125"), ("600000", "100"), ("2000000", "50")),
    "ETHUSDTM": (("200000", "100"), ("1000000", "40")),
}


def _position_tiers(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/ua/v1/market/position-tiers`` of several contracts, of unified accounts."""
    asked = {
        "tradeType": "FUTURES",
        "marginMode": "CROSS",
        "data": "RISK_LIMIT",
        "accountType": "UNIFIED",
    }
    names = query.get("symbol", "").split(",")
    if any(query.get(name) != value for name, value in asked.items()) or not (
        _TIERS.keys() >= set(names)
    ):
        return {"code": "400100", "msg": "symbol is invalid"}
    return _ok(
        [
            {
                "symbol": name,
                "tier": number,
                "maxSize": size,
                "minSize": "0" if number == 1 else _TIERS[name][number - 2][0],
                "maxLeverage": leverage,
                "initialMarginRate": "0.0080000000",
                "maintainMarginRate": "0.0040000000",
            }
            for name in names
            for number, (size, leverage) in enumerate(_TIERS[name], 1)
        ]
    )


def _spot_tickers(_query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v1/market/allTickers``: asked for its fees, with the pairs."""
    tickers = [_figures(pair["symbol"], place) for pair in _PAIRS]
    return _ok({"time": now_milliseconds(), "ticker": tickers})


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v1/market/stats`` of one pair."""
    symbol = query.get("symbol", "")
    if all(pair["symbol"] != symbol for pair in _PAIRS):
        return None
    return _ok({"time": now_milliseconds(), **_figures(symbol, place)})


def _figures(symbol: str, place: MarketPlace) -> dict[str, str]:
    price = place.price(symbol.replace("-", "/"))
    rates = {"takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    coefficients = {"takerCoefficient": "1", "makerCoefficient": "1"}
    figures = ("last", "buy", "sell", "high", "low", "averagePrice", "volValue")
    return {"symbol": symbol, **dict.fromkeys(figures, price), "vol": "1", **rates, **coefficients}


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v1/ticker`` of one contract."""
    for contract in _CONTRACTS:
        if contract["symbol"] == query.get("symbol"):
            base = contract["baseCurrency"].replace("XBT", "BTC")
            price = place.price(f"{base}/{contract['quoteCurrency']}")
            return _ok(
                {
                    "sequence": 1,
                    "symbol": contract["symbol"],
                    "side": "sell",
                    "size": 1,
                    **dict.fromkeys(("price", "bestBidPrice", "bestAskPrice"), price),
                    "ts": now_milliseconds() * 1_000_000,
                }
            )
    return None


SCHEME = SignatureScheme(
    claimed_key=header_key("KC-API-KEY"), problem=_problem, needs_passphrase=True
)
REFUSALS = refusals_of(
    lambda code, text, _now: {"code": code, "msg": text},
    key=(401, "400003", "KC-API-KEY not exists"),
    signature=(401, "400005", "Invalid KC-API-SIGN"),
    stale=(401, "400002", "Invalid KC-API-TIMESTAMP"),
    passphrase=(401, "400004", "Invalid KC-API-PASSPHRASE"),
    limited=("429000", "Too many requests"),
    broken=("500000", "Internal Server Error"),
)
BALANCES = tuple(
    Endpoint("kucoin", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/api/v1/accounts", _spot),
        (Pool.FUTURES, "/api/v1/account-overview", _futures),
        (Pool.UNIFIED, "/api/ua/v1/unified/account/balance", _unified),
    )
)
NOTICES = (
    Notice(
        "/api/ua/v1/account/mode",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "code": "200000",
            "data": {"selfAccountMode": account.account_mode},
        },
    ),
    Notice(
        "/api/v1/user/api-key",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "code": "200000",
            "data": {
                "remark": "",
                "apiKey": account.api_key,
                "apiVersion": 3,
                "permission": "General,Spot,InnerTransfer"
                + (",Transfer" if account.can_withdraw else ""),
                "uid": 1,
                "isMaster": True,
            },
        },
    ),
    Notice("/api/v1/timestamp", lambda now: {"code": "200000", "data": now}),
)
MARKETS = (
    PublicEndpoint("/api/v2/symbols", _pairs),
    PublicEndpoint("/api/v1/contracts/active", _contracts),
    PublicEndpoint("/api/ua/v1/market/position-tiers", _position_tiers),
    PublicEndpoint("/api/v1/market/allTickers", _spot_tickers),
    PublicEndpoint("/api/v1/market/stats", _spot_ticker),
    PublicEndpoint("/api/v1/ticker", _contract_ticker),
)


VENUES = (SimulatedVenue("kucoin", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

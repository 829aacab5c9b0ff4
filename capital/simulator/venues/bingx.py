"""BingX."""

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


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, separator, signature = request.query.rpartition("&signature=")
    if not (separator and signature):
        return Problem.NO_SIGNATURE
    timestamp = parse_qs(signed).get("timestamp", [""])[0]
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    expected = hmac_sha256(holder.api_secret, unquote(signed)).hex()
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _spot(holdings: Holdings) -> Any:
    balances = [
        {
            "asset": name,
            "free": holdings.free_of(name, amount),
            "locked": holdings.used_of(name),
        }
        for name, amount in holdings.listed.items()
    ]
    return {"code": 0, "msg": "", "debugMsg": "", "data": {"balances": balances}}


def _futures(holdings: Holdings) -> Any:
    return {
        "code": 0,
        "msg": "",
        "data": [
            {
                "userId": str(holdings.owner),
                "asset": name,
                "balance": amount,
                "equity": holdings.equity_of(name, amount),
                "unrealizedProfit": holdings.pnl_of(name),
                "realisedProfit": "0",
                "availableMargin": holdings.free_of(name, amount),
                "usedMargin": holdings.used_of(name),
                "freezedMargin": "0",
                "shortUid": str(holdings.owner),
            }
            for name, amount in holdings.listed.items()
        ],
    }


_BASES = {"BTC": ("0.000001", "0.0001"), "ETH": ("0.00001", "0.01")}
"""The steps of amounts, on spot and of contracts."""


def _data(data: Any) -> Any:
    return {"code": 0, "msg": "", "debugMsg": "", "data": data}


def _spot_symbols(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /openApi/spot/v1/common/symbols``; the amounts in it are out of use."""
    symbols = [
        {
            "symbol": f"{base}-USDT",
            "minQty": bare(step),
            "maxQty": 1000,
            "minNotional": 5,
            "maxNotional": 500000,
            "maxMarketNotional": 100000,
            "status": 1,
            "tickSize": bare("0.01"),
            "stepSize": bare(step),
            "apiStateSell": True,
            "apiStateBuy": True,
            "timeOnline": 0,
            "offTime": 0,
            "maintainTime": 0,
        }
        for base, (step, _) in _BASES.items()
    ]
    return _data({"symbols": symbols})


def _contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /openApi/swap/v2/quote/contracts``: amounts are in the coin."""
    return _data(
        [
            {
                "contractId": str(number),
                "symbol": f"{base}-USDT",
                "size": step,
                "quantityPrecision": len(step.partition(".")[2]),
                "pricePrecision": 1,
                "feeRate": bare("0.0005"),
                "makerFeeRate": bare("0.0002"),
                "takerFeeRate": bare("0.0005"),
                "tradeMinLimit": 0,
                "tradeMinQuantity": bare(step),
                "tradeMinUSDT": 2,
                "maxLongLeverage": 125,
                "maxShortLeverage": 125,
                "currency": "USDT",
                "asset": base,
                "status": 1,
                "apiStateOpen": "true",
                "apiStateClose": "true",
                "ensureTrigger": True,
                "triggerFeeRate": "0.00050000",
            }
            for number, (base, (_, step)) in enumerate(_BASES.items(), start=100)
        ]
    )


_COIN_CONTRACT_DOLLARS = "100"


def _coin_contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /openApi/cswap/v1/market/contracts``: without a step of amounts."""
    return _data(
        [
            {
                "symbol": "BTC-USD",
                "pricePrecision": 1,
                "minTickSize": _COIN_CONTRACT_DOLLARS,
                "minTradeValue": _COIN_CONTRACT_DOLLARS,
                "minQty": "1.00000000",
                "status": 1,
                "timeOnline": 1713175200000,
            }
        ]
    )


def _ticker(query: Mapping[str, str], place: MarketPlace, quote: str) -> Any:
    base, _, asked = query.get("symbol", "").partition("-")
    if base not in _BASES or asked != quote:
        return None
    price = place.price(f"{base}/{quote}")
    figures = ("lastPrice", "openPrice", "highPrice", "lowPrice", "bidPrice", "askPrice")
    return {
        "symbol": f"{base}-{quote}",
        **dict.fromkeys(figures, price),
        "volume": "1",
        "quoteVolume": price,
        "openTime": now_milliseconds() - 86_400_000,
        "closeTime": now_milliseconds(),
    }


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /openApi/spot/v1/ticker/24hr``: a list of one."""
    ticker = _ticker(query, place, "USDT")
    return ticker and _data([ticker])


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /openApi/swap/v2/quote/ticker``: one, with the last amount."""
    ticker = _ticker(query, place, "USDT")
    return ticker and _data({**ticker, "lastQty": "1"})


def _coin_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /openApi/cswap/v1/market/ticker``: a list of one, with the last amount."""
    ticker = _ticker(query, place, "USD")
    return ticker and _data([{**ticker, "lastQty": "1"}])


SCHEME = SignatureScheme(claimed_key=header_key("X-BX-APIKEY"), problem=_problem)
REFUSALS = refusals_of(
    lambda code, text, now: {"code": code, "msg": text, "timestamp": now},
    key=(200, 100413, "Incorrect apiKey"),
    signature=(200, 100001, "Signature verification failed"),
    stale=(200, 100421, "Null timestamp or timestamp mismatch"),
    limited=(100410, "rate limited"),
    broken=(100500, "Internal system error"),
)
BALANCES = tuple(
    Endpoint("bingx", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/openApi/spot/v1/account/balance", _spot),
        (Pool.FUTURES, "/openApi/swap/v3/user/balance", _futures),
        (Pool.FUTURES, "/openApi/cswap/v1/user/balance", _futures),
    )
)
NOTICES = (
    # Without the envelope of the others.
    Notice(
        "/openApi/v1/account/apiPermissions",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "apiKey": account.api_key,
            "permissions": [1, 2, 3, *([5] if account.can_withdraw else [])],
            "ipAddresses": [],
            "note": "",
        },
    ),
    Notice(
        "/openApi/swap/v2/server/time",
        lambda now: {"code": 0, "msg": "", "data": {"serverTime": now}},
    ),
)
MARKETS = (
    PublicEndpoint("/openApi/spot/v1/common/symbols", _spot_symbols),
    PublicEndpoint("/openApi/swap/v2/quote/contracts", _contracts),
    PublicEndpoint("/openApi/cswap/v1/market/contracts", _coin_contracts),
    PublicEndpoint("/openApi/spot/v1/ticker/24hr", _spot_ticker),
    PublicEndpoint("/openApi/swap/v2/quote/ticker", _contract_ticker),
    PublicEndpoint("/openApi/cswap/v1/market/ticker", _coin_ticker),
)


VENUES = (SimulatedVenue("bingx", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

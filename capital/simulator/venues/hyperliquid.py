"""Hyperliquid: reading is not signed; the address is enough."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from capital.domain.money import EXACT
from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace
from capital.simulator.refusals import Problem, refusals_of
from capital.simulator.signatures import KeyHolder, SignatureScheme, SignedRequest
from capital.simulator.trading.book import Position, plain

_TOKENS = {"BTC": "UBTC", "ETH": "UETH", "SOL": "USOL"}


def _asked(request: SignedRequest) -> dict[str, Any]:
    try:
        asked = json.loads(request.body)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _address(request: SignedRequest) -> str | None:
    address = _asked(request).get("user")
    return address if isinstance(address, str) and address else None


def _no_problem(_request: SignedRequest, _holder: KeyHolder) -> Problem | None:
    return None


def _tokens(holdings: Holdings) -> Any:
    """``spotClearinghouseState``: tokens without a balance are left out."""
    return {
        "balances": [
            {
                "coin": _TOKENS.get(name, name),
                "token": number,
                "total": amount,
                "hold": holdings.used_of(name),
                "entryNtl": "0.0",
            }
            for number, (name, amount) in enumerate(holdings.listed_without_zeros.items())
        ]
    }


def _position(each: Position, mark: Decimal) -> dict[str, Any]:
    return {
        "coin": each.instrument.base,
        "szi": plain(each.quantity),
        "leverage": {"type": "cross", "value": 20},
        "entryPx": plain(each.entry),
        "positionValue": plain(EXACT.multiply(each.quantity.copy_abs(), mark)),
        "unrealizedPnl": plain(each.unrealised(mark)),
        "liquidationPx": None,
        "marginUsed": "0.0",
        # What was paid is above zero.
        "cumFunding": dict.fromkeys(("allTime", "sinceOpen"), plain(EXACT.minus(each.funding))),
    }


def _perpetuals(holdings: Holdings) -> Any:
    if holdings.amounts.get(holdings.currency, "0") is None:
        return {"assetPositions": [], "time": holdings.now_milliseconds}
    pnl, used = holdings.pnl_of(holdings.currency), holdings.used_of(holdings.currency)
    value = holdings.equity_of(holdings.currency, holdings.total)
    summary = {
        "accountValue": value,
        "totalNtlPos": "0.0",
        "totalRawUsd": holdings.total,
        "totalMarginUsed": used,
    }
    opened = [_position(each, mark) for each, mark in holdings.positions]
    if not opened and pnl.strip("-0."):
        opened = [{"coin": "BTC", "szi": "0.001", "unrealizedPnl": pnl, "marginUsed": used}]
    return {
        "marginSummary": summary,
        "crossMarginSummary": summary,
        "crossMaintenanceMarginUsed": "0.0",
        "withdrawable": holdings.free_of(holdings.currency, holdings.total),
        "assetPositions": [{"type": "oneWay", "position": position} for position in opened],
        "time": holdings.now_milliseconds,
    }


def says(kind: str) -> Any:
    """Accepts the requests of one kind."""
    return lambda request: _asked(request).get("type") == kind


_DECIMALS = {"BTC": 5, "ETH": 4}
"""Of amounts, by coin: of its perpetual, and of its token on spot."""

_MARGIN_TABLES = {"BTC": 56, "ETH": 40}
"""By coin. Below 50 it is the leverage for any size, and none of the tables that are listed."""


def _meta(_query: Mapping[str, str], place: MarketPlace) -> Any:
    """``meta``: the perpetuals, and the tables of their margin."""
    tiers = [{"lowerBound": "0.0", "maxLeverage": 40}]
    tiers.append({"lowerBound": "150000000.0", "maxLeverage": 20})
    table = {"description": "tiered 40x", "marginTiers": tiers}
    universe = _perpetual_markets({}, place)[0]["universe"]
    return {"universe": universe, "marginTables": [[56, table]], "collateralToken": 0}


def _spot_markets(_query: Mapping[str, str], place: MarketPlace) -> Any:
    """``spotMetaAndAssetCtxs``: pairs name their tokens by position."""
    dollar = {"name": "USDC", "szDecimals": 8, "weiDecimals": 8, "index": 0, "isCanonical": True}
    tokens, pairs, figures = [dollar], [], []
    for number, (coin, decimals) in enumerate(_DECIMALS.items()):
        token = {"name": _TOKENS[coin], "szDecimals": decimals, "weiDecimals": 10}
        tokens.append({**token, "index": number + 1, "isCanonical": False})
        pair = {"name": f"@{number}", "tokens": [number + 1, 0], "index": number}
        pairs.append({**pair, "isCanonical": False})
        figures.append({**_figures(place.price(f"{coin}/USDC")), "coin": f"@{number}"})
    return [{"tokens": tokens, "universe": pairs}, figures]


def _perpetual_markets(_query: Mapping[str, str], place: MarketPlace) -> Any:
    """``metaAndAssetCtxs``: two lists of one order."""
    universe = [
        {
            "name": coin,
            "szDecimals": decimals,
            "maxLeverage": 40,
            "marginTableId": _MARGIN_TABLES[coin],
        }
        for coin, decimals in _DECIMALS.items()
    ]
    figures = [_figures(place.price(f"{coin}/USDC")) for coin in _DECIMALS]
    return [
        {"universe": universe, "collateralToken": 0},
        [{**each, "impactPxs": [each["midPx"], each["midPx"]]} for each in figures],
    ]


def _figures(price: str) -> dict[str, Any]:
    return {**dict.fromkeys(("markPx", "midPx", "prevDayPx"), price), "dayNtlVlm": "1.0"}


def _other_exchanges(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``perpDexs``: none beside the first one, which has no name."""
    return [None]


SCHEME = SignatureScheme(claimed_key=_address, problem=_no_problem)
REFUSALS = refusals_of(
    lambda code, text, _now: {"status": "err", "response": f"{code}: {text}"},
    key=(422, "unknown", "no such user"),
    signature=(422, "unknown", "no such user"),
    stale=(422, "unknown", "no such user"),
    limited=("Too many cumulative requests sent", "slow down"),
    broken=("internal", "internal error"),
)
BALANCES = tuple(
    Endpoint("hyperliquid", pool, "/info", SCHEME, REFUSALS, build, "POST", says(kind))
    for pool, kind, build in (
        (Pool.SPOT, "spotClearinghouseState", _tokens),
        (Pool.FUTURES, "clearinghouseState", _perpetuals),
        # The same question: which pool it means is the account's mode.
        (Pool.UNIFIED, "spotClearinghouseState", _tokens),
    )
)
MARKETS = tuple(
    PublicEndpoint("/info", answer, "POST", says(kind), f"#{kind}")
    for kind, answer in (
        ("spotMetaAndAssetCtxs", _spot_markets),
        ("metaAndAssetCtxs", _perpetual_markets),
        ("meta", _meta),
        ("perpDexs", _other_exchanges),
    )
)


# Whatever an exchange is asked for beside orders: a client's fee is approved, say.
NOTICES = (
    Notice("/exchange", lambda _now: {"status": "ok", "response": {"type": "default"}}, "POST"),
)
VENUES = (SimulatedVenue("hyperliquid", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

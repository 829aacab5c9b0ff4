"""Gate."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

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
from capital.simulator.signatures import KeyHolder, SignatureScheme, SignedRequest, header_key, same


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature, timestamp = request.headers.get("SIGN", ""), request.headers.get("Timestamp", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp) * 1000):
        return Problem.STALE
    body = hashlib.sha512(request.body.encode()).hexdigest()
    signed = "\n".join((request.method, request.path, unquote(request.query), body, timestamp))
    expected = hmac.new(holder.api_secret.encode(), signed.encode(), hashlib.sha512).hexdigest()
    return None if same(expected, signature) else Problem.WRONG_SIGNATURE


def _spot(holdings: Holdings) -> Any:
    return [
        {
            "currency": name,
            "available": holdings.free_of(name, amount),
            "locked": holdings.used_of(name),
            "update_id": 1,
        }
        for name, amount in holdings.listed.items()
    ]


def _futures(holdings: Holdings) -> Any:
    """The wallet of one settlement currency: an object, not a list."""
    if holdings.amounts.get(holdings.currency, "0") is None:
        return {"user": holdings.owner, "in_dual_mode": False}
    name, total = holdings.currency, holdings.total
    return {
        "currency": name,
        "total": total,
        "unrealised_pnl": holdings.pnl_of(name),
        "position_margin": holdings.used_of(name),
        "order_margin": "0",
        "available": holdings.free_of(name, total),
        "point": "0",
        "bonus": "0",
        "in_dual_mode": False,
        "cross_initial_margin": "0",
        "isolated_position_margin": "0",
        "enable_credit": False,
        "margin_mode": 0,
        "user": holdings.owner,
    }


def _unified(holdings: Holdings) -> Any:
    return {
        "user_id": holdings.owner,
        "locked": False,
        "balances": {
            name: {
                "available": holdings.free_of(name, amount),
                "freeze": "0",
                "borrowed": "0",
                "negative_liab": "0",
                "futures_pos_liab": "0",
                "equity": holdings.equity_of(name, amount),
                "total_freeze": holdings.used_of(name),
                "total_liab": "0",
            }
            for name, amount in holdings.listed.items()
        },
        "total": holdings.total,
        "unified_account_total_equity": holdings.total,
    }


_PAIRS = {"BTC_USDT": "0.000001", "ETH_USDT": "0.0001"}
"""Pairs, and the steps of their amounts."""


def _pairs(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v4/spot/currency_pairs``."""
    return [
        {
            "id": pair,
            "base": pair[:3],
            "quote": "USDT",
            "fee": "0.2",
            "min_base_amount": step,
            "min_quote_amount": "3",
            "max_base_amount": "10000",
            "max_quote_amount": "5000000",
            "market_order_max_stock": "1000",
            "market_order_max_money": "1000000",
            "amount_precision": len(step.partition(".")[2]),
            "precision": 1,
            "trade_status": "tradable",
            "sell_start": 0,
            "buy_start": 0,
            "type": "normal",
        }
        for pair, step in _PAIRS.items()
    ]


def _nothing(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """What nobody asks for here: margin, options and contracts that end."""
    return []


def _contract(name: str, size: str, price_step: str, most: int, kind: str = "direct") -> Any:
    return {
        "name": name,
        "type": kind,
        "quanto_multiplier": size,
        "order_size_min": 1,
        "order_size_max": most,
        "market_order_size_max": str(most * 2 // 3),
        "order_price_round": price_step,
        "order_price_deviate": "0.2",
        "mark_price_round": "0.01",
        "mark_price": "60000",
        "enable_decimal": False,
        "leverage_min": "1",
        "leverage_max": "125",
        "maker_fee_rate": "-0.0001",
        "taker_fee_rate": "0.00075",
        "funding_interval": 28800,
        "create_time": 1546905600,
        "in_delisting": False,
        "status": "trading",
    }


_CONTRACTS: Mapping[str, list[Any]] = {
    "usdt": [
        _contract("BTC_USDT", "0.0001", "0.1", 1000000),
        _contract("ETH_USDT", "0.01", "0.01", 1000000),
    ],
    # A dollar each: what the venue says of their size is 0.
    "btc": [_contract("BTC_USD", "0", "0.1", 10000000, "inverse")],
}


def _contracts(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v4/futures/{settle}/contracts``."""
    return _CONTRACTS.get(query["settle"], [])


# Of each contract, up to which value and with which leverage; of BTC_USD in bitcoins.
_RISK_LIMITS: Mapping[str, Sequence[tuple[str, str]]] = {
    "BTC_USDT": (("1000000", "125"), ("5000000", "100"), ("20000000", "50")),
    "ETH_USDT": (("500000", "125"), ("2000000", "50")),
    "BTC_USD": (("50", "125"), ("200", "50")),
}


def _risk_limit_tiers(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v4/futures/{settle}/risk_limit_tiers``: pages of contracts with all tiers."""
    names = [each["name"] for each in _CONTRACTS.get(query["settle"], [])]
    start, most = int(query.get("offset", 0)), int(query.get("limit", 100))
    return [
        {
            "contract": name,
            "tier": number,
            "risk_limit": value,
            "initial_rate": "0.008",
            "maintenance_rate": "0.004",
            "leverage_max": leverage,
            "deduction": "0",
        }
        for name in names[start : start + most]
        for number, (value, leverage) in enumerate(_RISK_LIMITS[name], 1)
    ]


def _spot_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v4/spot/tickers`` of one pair: a list of one."""
    pair = query.get("currency_pair", "")
    if pair not in _PAIRS:
        return None
    price = place.price(pair.replace("_", "/"))
    figures = ("last", "lowest_ask", "highest_bid", "high_24h", "low_24h")
    return [{"currency_pair": pair, **dict.fromkeys(figures, price), "base_volume": "1"}]


def _contract_ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v4/futures/{settle}/tickers`` of one contract: a list of one."""
    name = query.get("contract", "")
    if all(contract["name"] != name for contract in _CONTRACTS.get(query["settle"], [])):
        return None
    price = place.price(name.replace("_", "/"))
    figures = ("last", "mark_price", "index_price", "high_24h", "low_24h")
    return [{"contract": name, **dict.fromkeys(figures, price), "volume_24h": "1"}]


SCHEME = SignatureScheme(claimed_key=header_key("KEY"), problem=_problem)
REFUSALS = refusals_of(
    lambda code, text, _now: {"label": code, "message": text},
    key=(401, "INVALID_KEY", "Invalid key provided"),
    signature=(401, "INVALID_SIGNATURE", "Signature mismatch"),
    stale=(403, "REQUEST_EXPIRED", "gap between request Timestamp and server time exceeds 60"),
    limited=("TOO_MANY_REQUESTS", "Request Rate limit Exceeded"),
    broken=("SERVER_ERROR", "Internal server error"),
)
BALANCES = tuple(
    Endpoint("gate", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/api/v4/spot/accounts", _spot),
        (Pool.FUTURES, "/api/v4/futures/{settle}/accounts", _futures),
        (Pool.UNIFIED, "/api/v4/unified/accounts", _unified),
    )
)
NOTICES = (
    Notice(
        "/api/v4/account/detail",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {"user_id": 1, "key": {"mode": int(account.account_mode or 1)}},
    ),
    Notice("/api/v4/spot/time", lambda now: {"server_time": now}),
)
MARKETS = (
    PublicEndpoint("/api/v4/spot/currency_pairs", _pairs),
    PublicEndpoint("/api/v4/margin/currency_pairs", _nothing),
    PublicEndpoint("/api/v4/options/underlyings", _nothing),
    PublicEndpoint("/api/v4/delivery/{settle}/contracts", _nothing),
    PublicEndpoint("/api/v4/futures/{settle}/contracts", _contracts),
    PublicEndpoint("/api/v4/futures/{settle}/risk_limit_tiers", _risk_limit_tiers),
    PublicEndpoint("/api/v4/spot/tickers", _spot_ticker),
    PublicEndpoint("/api/v4/futures/{settle}/tickers", _contract_ticker),
)


VENUES = (SimulatedVenue("gate", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

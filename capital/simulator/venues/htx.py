"""HTX: spot lines, one linear wallet and one inverse wallet a coin."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    KeyNature,
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
    hmac_sha256,
    same,
)

_UID = 63628520
# Requests are signed for the host that they are meant for, wherever they arrive.
_HOSTS = ("api.huobi.pro", "api.hbdm.vn", "api.hbdm.com")


def _key(request: SignedRequest) -> str | None:
    return parse_qs(request.query).get("AccessKeyId", [""])[0] or None


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, separator, signature = request.query.rpartition("&Signature=")
    if not (separator and signature):
        return Problem.NO_SIGNATURE
    try:
        moment = datetime.fromisoformat(parse_qs(signed)["Timestamp"][0])
    except (KeyError, ValueError):
        return Problem.STALE
    if request.is_stale(int(moment.replace(tzinfo=UTC).timestamp() * 1000)):
        return Problem.STALE
    for host in _HOSTS:
        text = "\n".join((request.method, host, request.path, signed))
        expected = base64.b64encode(hmac_sha256(holder.api_secret, text)).decode()
        if same(expected, unquote(signature)):
            return None
    return Problem.WRONG_SIGNATURE


def _keys_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    problem = _problem(request, holder)
    if problem is None and parse_qs(request.query).get("uid") != [str(_UID)]:
        return Problem.WRONG_QUERY
    return problem


def _keys(account: KeyNature) -> Any:
    """Another key, which can do what this one cannot, comes first."""
    every, some = "readOnly,trade,withdraw", "trade,readOnly"
    other, own = (some, every) if account.can_withdraw else (every, some)
    return {
        "code": 200,
        "message": "success",
        "data": [
            {
                "accessKey": access_key,
                "status": "normal",
                "note": "",
                "permission": permission,
                "ipAddresses": "",
                "validDays": -1,
            }
            for access_key, permission in (("another", other), (account.api_key, own))
        ],
        "ok": True,
    }


def _spot(holdings: Holdings) -> Any:
    lines = [
        {"currency": name.lower(), "type": kind, "balance": part, "seq-num": "0"}
        for name, amount in holdings.listed.items()
        for kind, part in (
            ("trade", holdings.free_of(name, amount)),
            ("frozen", holdings.used_of(name)),
        )
    ]
    data = {"id": holdings.owner, "type": "spot", "state": "working", "list": lines}
    return {"status": "ok", "data": data, "ts": holdings.now_milliseconds}


def _linear(holdings: Holdings) -> Any:
    details = [
        {
            "currency": name,
            "equity": holdings.equity_of(name, amount),
            "available": holdings.free_of(name, amount),
            "profit_unreal": holdings.pnl_of(name),
            "initial_margin": holdings.used_of(name),
            "available_margin": holdings.free_of(name, amount),
            "withdraw_available": holdings.free_of(name, amount),
            "voucher": "0",
        }
        for name, amount in holdings.listed.items()
    ]
    return {
        "code": 200,
        "message": "Success",
        "data": {"state": "normal", "details": details},
        "ts": holdings.now_milliseconds,
    }


def _inverse(holdings: Holdings) -> Any:
    return {
        "status": "ok",
        "data": [
            {
                "symbol": name,
                "contract_code": f"{name}-USD",
                "margin_balance": holdings.equity_of(name, amount),
                "margin_static": amount,
                "margin_position": holdings.used_of(name),
                "margin_frozen": "0",
                "margin_available": holdings.free_of(name, amount),
                "profit_real": "0",
                "profit_unreal": holdings.pnl_of(name),
            }
            for name, amount in holdings.listed.items()
        ],
        "ts": holdings.now_milliseconds,
    }


_PAIRS = {"btcusdt": ("BTC/USDT", "0.000001"), "ethusdt": ("ETH/USDT", "0.0001")}
"""Pairs, and the steps of their amounts."""

_DELIVERED = "BTC301227"
_SIZES = {"BTC-USDT": "0.001", "ETH-USDT": "0.01", "BTC-USD": "100", _DELIVERED: "100"}
"""Contracts, and how much one is: of the coin, or in dollars."""


def _ok(data: Any) -> Any:
    return {"status": "ok", "data": data, "ts": now_milliseconds()}


def _symbols(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v1/common/symbols``."""
    return _ok(
        [
            {
                "base-currency": symbol.removesuffix("usdt"),
                "quote-currency": "usdt",
                "price-precision": 2,
                "amount-precision": len(step.partition(".")[2]),
                "value-precision": 8,
                "symbol-partition": "main",
                "symbol": symbol,
                "state": "online",
                "min-order-amt": bare(step),
                "max-order-amt": 1000,
                "min-order-value": 10,
                "sell-market-max-order-amt": 100,
                "buy-market-max-order-value": 1000000,
                "leverage-ratio": 5,
                "api-trading": "enabled",
                "tags": "",
            }
            for symbol, (_, step) in _PAIRS.items()
        ]
    )


def _contract(code: str, **fields: str) -> Any:
    return {
        "symbol": code[:3],
        "contract_code": code,
        "contract_size": bare(_SIZES[code]),
        "price_tick": bare("0.1"),
        "delivery_date": "",
        "delivery_time": "",
        "create_date": "20201021",
        "contract_status": 1,
        "settlement_date": "1640764800000",
        **fields,
    }


def _linear_contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /linear-swap-api/v1/swap_contract_info``."""
    more = {"support_margin_mode": "all", "business_type": "swap", "contract_type": "swap"}
    return _ok([_contract(code, pair=code, **more) for code in ("BTC-USDT", "ETH-USDT")])


def _inverse_contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /swap-api/v1/swap_contract_info``."""
    return _ok([_contract("BTC-USD")])


def _delivered_contracts(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v1/contract_contract_info``: ccxt takes an empty list for a failure."""
    when = {"delivery_date": "20301227", "delivery_time": "1924588800000"}
    return _ok([_contract(_DELIVERED, contract_type="quarter", **when)])


# Contracts of linear swaps, and which leverage is allowed up to there.
_RISK_LIMITS = {
    "BTC-USDT": (("200", "400"), ("100", "4000"), ("50", "8000")),
    "ETH-USDT": (("100", "1000"), ("50", "10000")),
}
_HIGHEST = {"BTC-USDT": 200, "ETH-USDT": 100, "BTC-USD": 125}


def _risk_limits(_now: int) -> Any:
    """``GET /v5/market/risk/limit``."""
    tiers = [
        {
            "contract_code": code,
            "contract_type": "swap",
            "margin_mode": "cross",
            "tier": tier,
            "max_lever": leverage,
            "maintenance_margin_rate": "0.005",
            "max_volume": most,
            "min_volume": str(int(levels[tier - 2][1]) + 1) if tier > 1 else "1",
        }
        for code, levels in _RISK_LIMITS.items()
        for tier, (leverage, most) in enumerate(levels, 1)
    ]
    return {"code": 200, "message": "Success", "data": tiers, "ts": now_milliseconds()}


def _adjustment_factors(codes: tuple[str, ...]) -> Callable[..., Any]:
    """``GET …/swap_adjustfactor`` and ``…/swap_cross_adjustfactor`` of all contracts."""
    ladders = [{"ladder": 0, "min_size": 0, "max_size": None, "adjust_factor": 0.025}]

    def answer(_query: Mapping[str, str], _place: MarketPlace) -> Any:
        return _ok(
            [
                {
                    "symbol": code[:3],
                    "contract_code": code,
                    "list": [
                        {"lever_rate": leverage, "ladders": ladders}
                        for leverage in (1, 20, _HIGHEST[code])
                    ],
                }
                for code in codes
            ]
        )

    return answer


def _ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET …/market/detail/merged``, of a pair or a contract of any kind."""
    name = query.get("contract_code") or query.get("symbol", "")
    if name in _PAIRS:
        pair, _ = _PAIRS[name]
    elif name in _SIZES:
        pair = f"{name[:3]}/{'USDT' if name.endswith('USDT') else 'USD'}"
    else:
        return None
    price = bare(place.price(pair))
    now = now_milliseconds()
    tick = {
        "id": now // 1000,
        **dict.fromkeys(("open", "close", "high", "low"), price),
        "amount": 1,
        "vol": price,
        "count": 1,
        "bid": [price, 1],
        "ask": [price, 1],
    }
    return {"ch": f"market.{name}.detail.merged", "status": "ok", "tick": tick, "ts": now}


SCHEME = SignatureScheme(claimed_key=_key, problem=_problem)
_KEYS_SCHEME = SignatureScheme(claimed_key=_key, problem=_keys_problem)
REFUSALS = refusals_of(
    lambda code, text, now: {
        "status": "error",
        "err-code": code,
        "err-msg": text,
        "data": None,
        "ts": now,
    },
    key=(200, "api-signature-not-valid", "Incorrect Access key"),
    signature=(200, "api-signature-not-valid", "Signature not valid"),
    stale=(
        200,
        "api-signature-not-valid",
        "Signature not valid: Invalid submission time or incorrect time format",
    ),
    limited=("rate-too-many-requests", "too many requests"),
    broken=("gateway-internal-error", "service is not available"),
    query=(200, "invalid-parameter", "invalid parameter: uid"),
)
BALANCES = tuple(
    Endpoint("htx", pool, path, SCHEME, REFUSALS, build, method)
    for pool, path, build, method in (
        (Pool.SPOT, "/v1/account/accounts/{account}/balance", _spot, "GET"),
        (Pool.FUTURES, "/v5/account/balance", _linear, "GET"),
        (Pool.FUTURES, "/swap-api/v1/swap_account_info", _inverse, "POST"),
    )
)
_ACCOUNTS = [{"id": 1, "type": "spot", "subtype": "", "state": "working"}]
NOTICES = (
    Notice(
        "/v1/account/accounts",
        lambda _now: {"status": "ok", "data": _ACCOUNTS},
        scheme=SCHEME,
        refusals=REFUSALS,
    ),
    Notice(
        "/v2/user/uid",
        lambda _now: {"code": 200, "data": _UID, "success": True},
        scheme=SCHEME,
        refusals=REFUSALS,
    ),
    Notice(
        "/v2/user/api-key",
        lambda _now: {},
        scheme=_KEYS_SCHEME,
        refusals=REFUSALS,
        of_account=_keys,
    ),
    Notice("/v5/market/risk/limit", _risk_limits, scheme=SCHEME, refusals=REFUSALS),
    Notice("/v1/common/timestamp", lambda now: {"status": "ok", "data": now}),
)
MARKETS = (
    PublicEndpoint("/v1/common/symbols", _symbols),
    PublicEndpoint("/linear-swap-api/v1/swap_contract_info", _linear_contracts),
    PublicEndpoint("/swap-api/v1/swap_contract_info", _inverse_contracts),
    PublicEndpoint("/api/v1/contract_contract_info", _delivered_contracts),
    PublicEndpoint(
        "/linear-swap-api/v1/swap_cross_adjustfactor",
        _adjustment_factors(("BTC-USDT", "ETH-USDT")),
    ),
    PublicEndpoint("/swap-api/v1/swap_adjustfactor", _adjustment_factors(("BTC-USD",))),
    PublicEndpoint("/market/detail/merged", _ticker),
    PublicEndpoint("/linear-swap-ex/market/detail/merged", _ticker),
    PublicEndpoint("/swap-ex/market/detail/merged", _ticker),
)


VENUES = (SimulatedVenue("htx", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

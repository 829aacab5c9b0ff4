"""Deribit."""

from collections.abc import Mapping
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    KeyNature,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings, added, is_plain
from capital.simulator.markets import MarketPlace, bare, now_milliseconds
from capital.simulator.refusals import Problem, refusals_of
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    hmac_sha256,
    same,
)


def _parts(request: SignedRequest) -> dict[str, str]:
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    if kind != "deri-hmac-sha256":
        return {}
    return dict(part.partition("=")[::2] for part in rest.split(","))


def _key(request: SignedRequest) -> str | None:
    return _parts(request).get("id") or None


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    parts = _parts(request)
    timestamp, nonce = parts.get("ts", ""), parts.get("nonce", "")
    if not parts.get("sig"):
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    asked = f"{request.method}\n{request.target}\n{request.body}\n"
    expected = hmac_sha256(holder.api_secret, f"{timestamp}\n{nonce}\n{asked}").hex()
    return None if same(expected, parts["sig"]) else Problem.WRONG_SIGNATURE


def _summaries(holdings: Holdings) -> Any:
    """What futures made today is realised, but not in balance yet: a hundredth of it here."""
    summaries = []
    for name, amount in holdings.listed.items():
        made_today = "0.01" if is_plain(amount) else "0"
        summaries.append(
            {
                "currency": name,
                "balance": added(amount, made_today, sign=-1),
                "session_rpl": made_today,
                "futures_session_rpl": made_today,
                "session_upl": holdings.pnl_of(name),
                "equity": holdings.equity_of(name, amount),
                "margin_balance": amount,
                "available_funds": holdings.free_of(name, amount),
                "available_withdrawal_funds": holdings.free_of(name, amount),
                "initial_margin": holdings.used_of(name),
                "maintenance_margin": holdings.used_of(name),
                "cross_collateral_enabled": False,
            }
        )
    now = holdings.now_milliseconds * 1000
    return {
        "jsonrpc": "2.0",
        "result": {"id": holdings.owner, "type": "main", "summaries": summaries},
        "usIn": now,
        "usOut": now,
        "testnet": False,
    }


def _keys(account: KeyNature) -> Any:
    """All keys of the account: another one, which can do what this one cannot, comes first."""
    return {
        "jsonrpc": "2.0",
        "result": [
            {
                "client_id": client_id,
                "max_scope": f"account:read trade:read_write wallet:{wallet}",
                "id": number,
                "enabled": True,
                "default": False,
                "name": "",
            }
            for number, (client_id, wallet) in enumerate(
                (
                    ("another", "read" if account.can_withdraw else "read_write"),
                    (account.api_key, "read_write" if account.can_withdraw else "read"),
                ),
                start=1,
            )
        ],
    }


def _instrument(name: str, counter: str, size: str, **fields: str) -> Any:
    """Amounts are in the currency that ``size``, of one contract, is in."""
    return {
        "instrument_name": name,
        "base_currency": name[:3],
        "counter_currency": counter,
        "quote_currency": counter,
        "kind": "future",
        "contract_size": bare(size),
        "min_trade_amount": bare(size),
        "tick_size": bare("0.5"),
        # Of futures alone.
        **({} if fields.get("kind") == "spot" else {"max_leverage": 50}),
        "taker_commission": bare("0.0005"),
        "maker_commission": 0,
        "is_active": True,
        "creation_timestamp": 1534242287000,
        "expiration_timestamp": 32503708800000,
        **fields,
    }


_INSTRUMENTS = [
    _instrument("BTC_USDC", "USDC", "0.0001", kind="spot"),
    _instrument("ETH_USDC", "USDC", "0.001", kind="spot"),
    *(
        _instrument(
            f"{base}_USDC-PERPETUAL",
            "USDC",
            size,
            settlement_currency="USDC",
            settlement_period="perpetual",
            future_type="linear",
        )
        for base, size in (("BTC", "0.0001"), ("ETH", "0.001"))
    ),
    _instrument(
        "BTC-PERPETUAL",
        "USD",
        "10",
        settlement_currency="BTC",
        settlement_period="perpetual",
        future_type="reversed",
    ),
]


def _result(result: Any) -> Any:
    now = now_milliseconds() * 1000
    return {"jsonrpc": "2.0", "result": result, "usIn": now, "usOut": now, "testnet": False}


def _instruments(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v2/public/get_instruments``."""
    return _result(_INSTRUMENTS)


def _ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v2/public/ticker``."""
    for instrument in _INSTRUMENTS:
        if instrument["instrument_name"] == query.get("instrument_name"):
            pair = f"{instrument['base_currency']}/{instrument['counter_currency']}"
            price = bare(place.price(pair))
            figures = ("last_price", "mark_price", "index_price", "best_bid_price")
            return _result(
                {
                    "instrument_name": query["instrument_name"],
                    "state": "open",
                    "timestamp": now_milliseconds(),
                    "stats": {"volume": 1, "low": price, "high": price},
                    **dict.fromkeys(figures, price),
                    "best_ask_price": price,
                }
            )
    return None


SCHEME = SignatureScheme(claimed_key=_key, problem=_problem)
REFUSALS = refusals_of(
    lambda code, text, _now: {"jsonrpc": "2.0", "error": {"code": code, "message": text}},
    key=(400, 13004, "invalid_credentials"),
    signature=(400, 13004, "invalid_credentials"),
    stale=(400, 13004, "invalid_credentials"),
    limited=(10028, "too_many_requests"),
    broken=(11051, "system_maintenance"),
)
BALANCES = (
    Endpoint(
        "deribit",
        Pool.UNIFIED,
        "/api/v2/private/get_account_summaries",
        SCHEME,
        REFUSALS,
        _summaries,
    ),
)
NOTICES = (
    Notice(
        "/api/v2/private/list_api_keys",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=_keys,
    ),
    Notice("/api/v2/public/get_time", lambda now: {"jsonrpc": "2.0", "result": now}),
)
MARKETS = (
    PublicEndpoint("/api/v2/public/get_instruments", _instruments),
    PublicEndpoint("/api/v2/public/ticker", _ticker),
)


VENUES = (SimulatedVenue("deribit", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

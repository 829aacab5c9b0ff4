"""Gate."""

import hashlib
import hmac
from typing import Any
from urllib.parse import unquote

from capital.domain.pools import Pool
from capital.simulator.endpoint import Endpoint, Notice, SimulatedVenue
from capital.simulator.holdings import Holdings
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
        return {"user": 1, "in_dual_mode": False}
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
        "user": 1,
    }


def _unified(holdings: Holdings) -> Any:
    return {
        "user_id": 1,
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
VENUES = (SimulatedVenue("gate", balances=BALANCES, markets=(), notices=NOTICES),)

"""BingX."""

from typing import Any
from urllib.parse import parse_qs, unquote

from capital.domain.pools import Pool
from capital.simulator.endpoint import Endpoint, Notice, SimulatedVenue
from capital.simulator.holdings import Holdings
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
                "userId": "1",
                "asset": name,
                "balance": amount,
                "equity": holdings.equity_of(name, amount),
                "unrealizedProfit": holdings.pnl_of(name),
                "realisedProfit": "0",
                "availableMargin": holdings.free_of(name, amount),
                "usedMargin": holdings.used_of(name),
                "freezedMargin": "0",
                "shortUid": "1",
            }
            for name, amount in holdings.listed.items()
        ],
    }


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
VENUES = (SimulatedVenue("bingx", balances=BALANCES, markets=(), notices=NOTICES),)

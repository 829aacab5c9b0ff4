"""Bitget."""

import base64
from typing import Any

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
    signature = request.headers.get("ACCESS-SIGN", "")
    timestamp = request.headers.get("ACCESS-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    if not timestamp.isdecimal() or request.is_stale(int(timestamp)):
        return Problem.STALE
    if not same(holder.api_passphrase, request.headers.get("ACCESS-PASSPHRASE", "")):
        return Problem.WRONG_PASSPHRASE
    digest = hmac_sha256(holder.api_secret, timestamp + request.method + request.target)
    return None if same(base64.b64encode(digest).decode(), signature) else Problem.WRONG_SIGNATURE


def _enveloped(data: Any, now_milliseconds: int) -> Any:
    return {
        "code": "00000",
        "msg": "success",
        "requestTime": now_milliseconds,
        "data": data,
    }


def _spot(holdings: Holdings) -> Any:
    return _enveloped(
        [
            {
                "coin": name,
                "available": holdings.free_of(name, amount),
                "limitAvailable": "0",
                "frozen": holdings.used_of(name),
                "locked": "0",
                "uTime": str(holdings.now_milliseconds),
            }
            for name, amount in holdings.listed_without_zeros.items()
        ],
        holdings.now_milliseconds,
    )


def _futures(holdings: Holdings) -> Any:
    return _enveloped(
        [
            {
                "marginCoin": name,
                "locked": "0",
                "available": amount,
                "crossedMaxAvailable": holdings.free_of(name, amount),
                "isolatedMaxAvailable": holdings.free_of(name, amount),
                "maxTransferOut": holdings.free_of(name, amount),
                "accountEquity": holdings.equity_of(name, amount),
                "usdtEquity": holdings.value_of(name),
                "btcEquity": "0",
                "crossedRiskRate": "0",
                "unrealizedPL": holdings.pnl_of(name),
                "coupon": "0",
                "crossedUnrealizedPL": None,
                "isolatedUnrealizedPL": None,
            }
            for name, amount in holdings.listed.items()
        ],
        holdings.now_milliseconds,
    )


def _unified(holdings: Holdings) -> Any:
    assets = [
        {
            "coin": name,
            "equity": holdings.equity_of(name, amount),
            "usdValue": holdings.value_of(name),
            "balance": amount,
            "available": holdings.free_of(name, amount),
            "debt": "0",
            "locked": holdings.used_of(name),
        }
        for name, amount in holdings.listed_without_zeros.items()
    ]
    account = {"accountEquity": holdings.total, "usdtEquity": holdings.total, "assets": assets}
    return _enveloped(account, holdings.now_milliseconds)


SCHEME = SignatureScheme(
    claimed_key=header_key("ACCESS-KEY"), problem=_problem, needs_passphrase=True
)
REFUSALS = refusals_of(
    lambda code, text, now: {"code": code, "msg": text, "requestTime": now, "data": None},
    key=(400, "40006", "Invalid ACCESS_KEY"),
    signature=(400, "40009", "sign signature error"),
    stale=(400, "40008", "Request timestamp expired"),
    passphrase=(400, "40012", "apikey/password is incorrect"),
    limited=("429", "Too Many Requests"),
    broken=("40725", "service return an error"),
)
BALANCES = tuple(
    Endpoint("bitget", pool, path, SCHEME, REFUSALS, build)
    for pool, path, build in (
        (Pool.SPOT, "/api/v2/spot/account/assets", _spot),
        (Pool.FUTURES, "/api/v2/mix/account/accounts", _futures),
        (Pool.UNIFIED, "/api/v3/account/assets", _unified),
    )
)
NOTICES = (
    Notice(
        "/api/v3/account/settings",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped({"accountMode": account.account_mode}, 0),
    ),
    Notice(
        "/api/v3/account/info",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped(
            {
                "userId": "1",
                "permType": "read-and-write",
                "permissions": ["uta_mgt", *(["withdraw"] if account.can_withdraw else [])],
            },
            0,
        ),
    ),
    Notice(
        "/api/v2/spot/account/info",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: _enveloped(
            {
                "userId": "1",
                "authorities": [
                    "coor",
                    "stow",
                    "wtow",
                    *(["wwow"] if account.can_withdraw else []),
                ],
            },
            0,
        ),
    ),
    Notice("/api/v2/public/time", lambda now: _enveloped({"serverTime": str(now)}, now)),
)
VENUES = (SimulatedVenue("bitget", balances=BALANCES, markets=(), notices=NOTICES),)

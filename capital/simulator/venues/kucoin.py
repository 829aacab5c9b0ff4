"""KuCoin."""

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
    data = {
        "accountType": "UNIFIED",
        "ts": holdings.now_milliseconds,
        "accounts": [{"currencies": currencies}],
    }
    return {"code": "200000", "data": data}


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
VENUES = (SimulatedVenue("kucoin", balances=BALANCES, markets=(), notices=NOTICES),)

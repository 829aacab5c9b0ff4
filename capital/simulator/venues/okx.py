"""OKX."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    Notice,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace, now_milliseconds
from capital.simulator.refusals import Problem, Refusal, Refusals
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    header_key,
    hmac_sha256,
    same,
)


def _problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signature = request.headers.get("OK-ACCESS-SIGN", "")
    timestamp = request.headers.get("OK-ACCESS-TIMESTAMP", "")
    if not signature:
        return Problem.NO_SIGNATURE
    sent_at = _milliseconds_of(timestamp)
    if sent_at is None or request.is_stale(sent_at):
        return Problem.STALE
    if not same(holder.api_passphrase, request.headers.get("OK-ACCESS-PASSPHRASE", "")):
        return Problem.WRONG_PASSPHRASE
    digest = hmac_sha256(
        holder.api_secret, timestamp + request.method + request.target + request.body
    )
    if not same(base64.b64encode(digest).decode(), signature):
        return Problem.WRONG_SIGNATURE
    return None


def _milliseconds_of(iso: str) -> int | None:
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    since_epoch = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since_epoch.days * 86_400_000 + since_epoch.seconds * 1000


def _refusal(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"code": code, "data": [], "msg": text}


REFUSALS = Refusals(
    body=_refusal,
    by_problem={
        Problem.NO_KEY: Refusal(401, "50103", 'Request header "OK-ACCESS-KEY" can not be empty.'),
        Problem.UNKNOWN_KEY: Refusal(401, "50111", "Invalid OK-ACCESS-KEY"),
        Problem.NO_SIGNATURE: Refusal(
            401, "50106", 'Request header "OK-ACCESS-SIGN" can not be empty.'
        ),
        Problem.WRONG_SIGNATURE: Refusal(401, "50113", "Invalid Sign"),
        Problem.WRONG_PASSPHRASE: Refusal(
            401, "50105", 'Request header "OK-ACCESS-PASSPHRASE" incorrect.'
        ),
        Problem.STALE: Refusal(401, "50102", "Timestamp request expired"),
        Problem.UNAUTHORIZED: Refusal(401, "50111", "Invalid OK-ACCESS-KEY"),
        Problem.BANNED: Refusal(418, "50011", "Requests too frequent. Your IP is blocked."),
        Problem.RATE_LIMITED: Refusal(429, "50011", "Too Many Requests"),
        Problem.SERVER_ERROR: Refusal(500, "50026", "System error. Please try again later."),
    },
)


def _trading(holdings: Holdings) -> Any:
    """``GET /api/v5/account/balance``: currencies without a balance are left out."""
    updated_at = str(holdings.now_milliseconds)
    unknown = ("imr", "mmr", "mgnRatio", "notionalUsd", "ordFroz", "upl", "borrowFroz")
    account = {
        "uTime": updated_at,
        "totalEq": holdings.total,
        "adjEq": holdings.total,
        "availEq": holdings.total,
        "isoEq": "0",
        **dict.fromkeys(unknown, ""),
        "details": [
            _detail(holdings, name, amount, updated_at)
            for name, amount in holdings.listed_without_zeros.items()
        ],
    }
    return {"code": "0", "data": [account], "msg": ""}


def _detail(holdings: Holdings, name: str, amount: str, updated_at: str) -> Any:
    value, free = holdings.value_of(name), holdings.free_of(name, amount)
    nothing = ("ordFrozen", "uplLiab", "liab", "crossLiab", "isoLiab")
    more = ("isoEq", "isoUpl", "interest", "stgyEq", "twap", "maxLoan", "notionalLever")
    return {
        "ccy": name,
        "eq": holdings.equity_of(name, amount),
        "cashBal": amount,
        "availEq": free,
        "availBal": free,
        "frozenBal": holdings.used_of(name),
        "upl": holdings.pnl_of(name),
        "eqUsd": value,
        "disEq": value,
        **dict.fromkeys((*nothing, *more), "0"),
        "mgnRatio": "",
        "uTime": updated_at,
    }


def _enveloped(data: list[Any]) -> Any:
    return {"code": "0", "data": data, "msg": ""}


def _instrument(instrument: str, kind: str, lot: str, least: str, **fields: str) -> Any:
    is_spot = kind == "SPOT"
    base, quote = instrument.split("-")[:2]
    empty = ("alias", "ctMult", "ctType", "ctVal", "ctValCcy", "expTime", "stk", "optType", "uly")
    return {
        **dict.fromkeys(empty, ""),
        "baseCcy": base if is_spot else "",
        "quoteCcy": quote if is_spot else "",
        "settleCcy": "",
        "instId": instrument,
        "instType": kind,
        "instFamily": "" if is_spot else f"{base}-{quote}",
        "lever": "10" if is_spot else "100",
        "listTime": "1548133413000",
        "lotSz": lot,
        "minSz": least,
        "tickSz": "0.1",
        "maxLmtSz": "9999999999" if is_spot else "100000000",
        "maxMktSz": "" if is_spot else "30000",
        **({"maxLmtAmt": "2000000", "maxMktAmt": "1000000"} if is_spot else {}),
        "state": "live",
        **fields,
    }


def _swap(base: str, quote: str, settle: str, size: str, lot: str) -> Any:
    return _instrument(
        f"{base}-{quote}-SWAP",
        "SWAP",
        lot,
        lot,
        ctMult="1",
        ctVal=size,
        ctType="inverse" if settle == base else "linear",
        ctValCcy=quote if settle == base else base,
        settleCcy=settle,
        uly=f"{base}-{quote}",
    )


_LISTED: Mapping[str, list[Any]] = {
    "SPOT": [
        _instrument("BTC-USDT", "SPOT", "0.00000001", "0.00001"),
        _instrument("ETH-USDT", "SPOT", "0.000001", "0.0001"),
    ],
    "SWAP": [
        _swap("BTC", "USDT", "USDT", "0.01", "0.01"),
        _swap("ETH", "USDT", "USDT", "0.1", "0.01"),
        _swap("BTC", "USD", "BTC", "100", "1"),
    ],
}


def _instruments(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v5/public/instruments``."""
    return _enveloped(_LISTED.get(query.get("instType", ""), []))


# Of each family, up to how many contracts and with which leverage.
_TIERS: Mapping[str, Sequence[tuple[str, str]]] = {
    "BTC-USDT": (("30000", "100"), ("60000", "50"), ("120000", "25")),
    "ETH-USDT": (("20000", "100"), ("50000", "50")),
    "BTC-USD": (("15000", "100"), ("40000", "50")),
}
_FAMILIES_AT_ONCE = 5


def _position_tiers(query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /api/v5/public/position-tiers``: of up to five families, from one contract on."""
    families = query.get("instFamily", "").split(",")
    is_asked = query.get("instType") == "SWAP" and query.get("tdMode") in ("cross", "isolated")
    if not is_asked or len(families) > _FAMILIES_AT_ONCE or not _TIERS.keys() >= set(families):
        return {"code": "51000", "data": [], "msg": "Parameter instFamily error"}
    return _enveloped(
        [
            {
                "baseMaxLoan": "",
                "imr": "0.01",
                "instFamily": family,
                "instId": "",
                "maxLever": leverage,
                "maxSz": size,
                "minSz": "0",
                "mmr": "0.004",
                "optMgnFactor": "0",
                "quoteMaxLoan": "",
                "tier": str(number),
                "uly": family,
            }
            for family in families
            for number, (size, leverage) in enumerate(_TIERS[family], 1)
        ]
    )


def _ticker(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /api/v5/market/ticker``."""
    instrument = query.get("instId", "")
    if not any(instrument == each["instId"] for listed in _LISTED.values() for each in listed):
        return None
    price = place.price("/".join(instrument.split("-")[:2]))
    figures = ("last", "open24h", "high24h", "low24h", "askPx", "bidPx")
    return _enveloped(
        [
            {
                "instId": instrument,
                **dict.fromkeys(figures, price),
                "vol24h": "1",
                "ts": str(now_milliseconds()),
            }
        ]
    )


SCHEME = SignatureScheme(
    claimed_key=header_key("OK-ACCESS-KEY"), problem=_problem, needs_passphrase=True
)


BALANCES = (
    Endpoint(
        venue="okx",
        pool=Pool.UNIFIED,
        path="/api/v5/account/balance",
        scheme=SCHEME,
        refusals=REFUSALS,
        build=_trading,
    ),
)
NOTICES = (
    Notice(
        "/api/v5/account/config",
        lambda _now: {},
        scheme=SCHEME,
        refusals=REFUSALS,
        of_account=lambda account: {
            "code": "0",
            "data": [{"perm": "read_only,withdraw" if account.can_withdraw else "read_only"}],
            "msg": "",
        },
    ),
    Notice("/api/v5/public/time", lambda now: {"code": "0", "data": [{"ts": str(now)}]}),
)
MARKETS = (
    PublicEndpoint("/api/v5/public/instruments", _instruments),
    PublicEndpoint("/api/v5/market/ticker", _ticker),
    PublicEndpoint("/api/v5/public/position-tiers", _position_tiers),
)


VENUES = (SimulatedVenue("okx", balances=BALANCES, markets=MARKETS, notices=NOTICES),)

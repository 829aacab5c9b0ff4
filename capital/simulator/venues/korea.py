"""Upbit and Bithumb: the same paths and the same form."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from capital.domain.pools import Pool
from capital.simulator.endpoint import (
    Endpoint,
    PublicEndpoint,
    SimulatedVenue,
)
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace, bare, now_milliseconds
from capital.simulator.refusals import Problem, Refusal, Refusals
from capital.simulator.signatures import (
    KeyHolder,
    SignatureScheme,
    SignedRequest,
    bearer_token,
    hmac_sha256,
    same,
    token_part,
)


def _upbit_key(request: SignedRequest) -> str | None:
    key = token_part(request, 1).get("access_key")
    return key if isinstance(key, str) and key else None


def _bithumb_key(request: SignedRequest) -> str | None:
    # The same path and token as Upbit's; what differs is that it carries its time.
    return _upbit_key(request) if "timestamp" in token_part(request, 1) else None


def _token_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    signed, _, signature = bearer_token(request).rpartition(".")
    payload = token_part(request, 1)
    if not signature:
        return Problem.NO_SIGNATURE
    digest = base64.urlsafe_b64encode(hmac_sha256(holder.api_secret, signed)).decode().rstrip("=")
    is_hs256 = token_part(request, 0).get("alg") == "HS256"
    if not (is_hs256 and payload.get("nonce") and same(digest, signature.rstrip("="))):
        return Problem.WRONG_SIGNATURE
    asked = request.query or _as_query(request.body)
    if asked:
        expected = hashlib.sha512(asked.encode()).hexdigest()
        if not same(expected, str(payload.get("query_hash", ""))):
            return Problem.WRONG_QUERY
    return None


def _as_query(body: str) -> str:
    """A body of JSON as it is hashed: as if it were the query."""
    return urlencode(json.loads(body)) if body else ""


def _bithumb_problem(request: SignedRequest, holder: KeyHolder) -> Problem | None:
    problem = _token_problem(request, holder)
    sent_at = token_part(request, 1).get("timestamp")
    if problem is None and (not isinstance(sent_at, int) or request.is_stale(sent_at)):
        return Problem.STALE
    return problem


def _refusal(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"error": {"name": code, "message": text}}


_WRONG_TOKEN = Refusal(401, "jwt_verification", "JWT 토큰 검증에 실패했습니다.")


_REFUSED = {
    Problem.NO_SIGNATURE: _WRONG_TOKEN,
    Problem.WRONG_SIGNATURE: _WRONG_TOKEN,
    Problem.WRONG_QUERY: Refusal(
        401, "invalid_query_payload", "JWT의 query를 검증하는데 실패했습니다."
    ),
    Problem.UNKNOWN_KEY: Refusal(401, "invalid_access_key", "잘못된 엑세스 키입니다."),
    Problem.UNAUTHORIZED: Refusal(401, "invalid_access_key", "잘못된 엑세스 키입니다."),
    Problem.BANNED: Refusal(418, "too_many_requests", "요청이 일시적으로 차단되었습니다."),
    Problem.RATE_LIMITED: Refusal(429, "too_many_requests", "요청 수 제한을 초과했습니다."),
    Problem.SERVER_ERROR: Refusal(500, "server_error", "서버 오류가 발생했습니다."),
}


UPBIT_REFUSALS = Refusals(
    body=_refusal,
    by_problem={
        **_REFUSED,
        Problem.NO_KEY: Refusal(401, "no_authorization_token", "인증 토큰이 없습니다."),
    },
)


BITHUMB_REFUSALS = Refusals(
    body=_refusal,
    by_problem={
        **_REFUSED,
        Problem.NO_KEY: _WRONG_TOKEN,
        Problem.STALE: Refusal(401, "expired_jwt", "Jwt가 만료되었습니다."),
    },
)


def _wallets(holdings: Holdings) -> Any:
    """``GET /v1/accounts`` of Upbit and Bithumb: what the account has held."""
    return [
        {
            "currency": name,
            "balance": holdings.free_of(name, amount),
            "locked": holdings.used_of(name),
            "avg_buy_price": "0",
            "avg_buy_price_modified": name == holdings.currency,
            "unit_currency": "KRW",
        }
        for name, amount in holdings.listed.items()
    ]


_LISTED = {"BTC": ("비트코인", "Bitcoin"), "ETH": ("이더리움", "Ethereum")}


def _markets(_query: Mapping[str, str], _place: MarketPlace) -> Any:
    """``GET /v1/market/all``: names only; the rules are in the documentation."""
    return [
        {"market": f"KRW-{base}", "korean_name": korean, "english_name": english}
        for base, (korean, english) in _LISTED.items()
    ]


def _tickers(query: Mapping[str, str], place: MarketPlace) -> Any:
    """``GET /v1/ticker`` of the markets that are named."""
    bases = [name.removeprefix("KRW-") for name in query.get("markets", "").split(",")]
    if not all(base in _LISTED for base in bases):
        return None
    return [_ticker(base, place.price(f"{base}/KRW")) for base in bases]


def _ticker(base: str, price: str) -> Any:
    # These venues send bare numbers.
    number = bare(price)
    figures = ("trade_price", "opening_price", "high_price", "low_price", "prev_closing_price")
    return {
        "market": f"KRW-{base}",
        **dict.fromkeys(figures, number),
        "acc_trade_price_24h": number,
        "acc_trade_volume_24h": 1,
        "timestamp": now_milliseconds(),
    }


UPBIT_SCHEME = SignatureScheme(claimed_key=_upbit_key, problem=_token_problem)


BITHUMB_SCHEME = SignatureScheme(claimed_key=_bithumb_key, problem=_bithumb_problem)


MARKETS = (
    PublicEndpoint("/v1/market/all", _markets),
    PublicEndpoint("/v1/ticker", _tickers),
)


VENUES = tuple(
    SimulatedVenue(
        venue,
        balances=(Endpoint(venue, Pool.SPOT, "/v1/accounts", scheme, refusals, _wallets),),
        markets=MARKETS,
    )
    for venue, scheme, refusals in (
        ("upbit", UPBIT_SCHEME, UPBIT_REFUSALS),
        ("bithumb", BITHUMB_SCHEME, BITHUMB_REFUSALS),
    )
)

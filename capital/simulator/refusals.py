"""Refusals: how each venue says no, status and body in its own form.

Like the venues' own, the bodies repeat the key id and the request with its signature:
whoever stores or logs them raw leaks both, and the tests of the product look for that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

RETRY_AFTER_SECONDS = {418: 60, 429: 1}
"""What ``Retry-After`` says, by status."""


class Problem(StrEnum):
    """Why a request is refused."""

    NO_KEY = "no_key"
    UNKNOWN_KEY = "unknown_key"
    NO_SIGNATURE = "no_signature"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105
    WRONG_QUERY = "wrong_query"
    STALE = "stale"
    UNAUTHORIZED = "unauthorized"
    BANNED = "banned"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"


@dataclass(frozen=True)
class Refusal:
    """One venue's answer to one problem.

    Attributes:
        status: Of HTTP.
        code: The venue's own.
        text: Its sentence.
    """

    status: int
    code: int | str
    text: str


@dataclass(frozen=True)
class Refusals:
    """How one venue refuses.

    Attributes:
        body: Makes the body from the code, the sentence with what was asked, and the time in
            Unix milliseconds.
        by_problem: Every problem that the venue's requests can have.
    """

    body: Callable[[int | str, str, int], Any]
    by_problem: Mapping[Problem, Refusal]

    def answer(
        self, problem: Problem, *, api_key: str | None, request_line: str, now_milliseconds: int
    ) -> tuple[int, Any]:
        """Status and body that refuse ``request_line`` of ``api_key`` for ``problem``."""
        refusal = self.by_problem[problem]
        text = f"{refusal.text} [key: {api_key or ''}, request: {request_line}]"
        return refusal.status, self.body(refusal.code, text, now_milliseconds)


def _binance_body(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"code": code, "msg": text}


def _bybit_body(code: int | str, text: str, now_milliseconds: int) -> Any:
    return {
        "retCode": code,
        "retMsg": text,
        "result": {},
        "retExtInfo": {},
        "time": now_milliseconds,
    }


def _okx_body(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"code": code, "data": [], "msg": text}


def _named_body(code: int | str, text: str, _now_milliseconds: int) -> Any:
    return {"error": {"name": code, "message": text}}


_BINANCE_KEY = "Invalid API-key, IP, or permissions for action."

BINANCE = Refusals(
    body=_binance_body,
    by_problem={
        Problem.NO_KEY: Refusal(401, -2014, "API-key format invalid."),
        Problem.UNKNOWN_KEY: Refusal(401, -2015, _BINANCE_KEY),
        Problem.NO_SIGNATURE: Refusal(
            400, -1102, "Mandatory parameter 'signature' was not sent, was empty/null or malformed."
        ),
        Problem.WRONG_SIGNATURE: Refusal(400, -1022, "Signature for this request is not valid."),
        Problem.STALE: Refusal(
            400, -1021, "Timestamp for this request is outside of the recvWindow."
        ),
        Problem.UNAUTHORIZED: Refusal(401, -2015, _BINANCE_KEY),
        Problem.BANNED: Refusal(418, -1003, "Way too many requests; IP banned for 60 seconds."),
        Problem.RATE_LIMITED: Refusal(429, -1003, "Too many requests."),
        Problem.SERVER_ERROR: Refusal(500, -1000, "An unknown error occurred."),
    },
)

# Bybit refuses at status 200; the other statuses come from what stands in front of it.
BYBIT = Refusals(
    body=_bybit_body,
    by_problem={
        Problem.NO_KEY: Refusal(200, 10003, "API key is invalid."),
        Problem.UNKNOWN_KEY: Refusal(200, 10003, "API key is invalid."),
        Problem.NO_SIGNATURE: Refusal(200, 10004, "error sign!"),
        Problem.WRONG_SIGNATURE: Refusal(200, 10004, "error sign!"),
        Problem.STALE: Refusal(
            200, 10002, "invalid request, please check your server timestamp or recv_window param."
        ),
        Problem.UNAUTHORIZED: Refusal(401, 10003, "API key is invalid."),
        Problem.BANNED: Refusal(418, 10018, "Exceeded the IP rate limit."),
        Problem.RATE_LIMITED: Refusal(429, 10006, "Too many visits!"),
        Problem.SERVER_ERROR: Refusal(500, 10016, "Server error."),
    },
)

OKX = Refusals(
    body=_okx_body,
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

_TOKEN = Refusal(401, "jwt_verification", "JWT 토큰 검증에 실패했습니다.")
_NAMED = {
    Problem.NO_SIGNATURE: _TOKEN,
    Problem.WRONG_SIGNATURE: _TOKEN,
    Problem.WRONG_QUERY: Refusal(
        401, "invalid_query_payload", "JWT의 query를 검증하는데 실패했습니다."
    ),
    Problem.UNKNOWN_KEY: Refusal(401, "invalid_access_key", "잘못된 엑세스 키입니다."),
    Problem.UNAUTHORIZED: Refusal(401, "invalid_access_key", "잘못된 엑세스 키입니다."),
    Problem.BANNED: Refusal(418, "too_many_requests", "요청이 일시적으로 차단되었습니다."),
    Problem.RATE_LIMITED: Refusal(429, "too_many_requests", "요청 수 제한을 초과했습니다."),
    Problem.SERVER_ERROR: Refusal(500, "server_error", "서버 오류가 발생했습니다."),
}

UPBIT = Refusals(
    body=_named_body,
    by_problem={
        **_NAMED,
        Problem.NO_KEY: Refusal(401, "no_authorization_token", "인증 토큰이 없습니다."),
    },
)

BITHUMB = Refusals(
    body=_named_body,
    by_problem={
        **_NAMED,
        Problem.NO_KEY: _TOKEN,
        Problem.STALE: Refusal(401, "expired_jwt", "Jwt가 만료되었습니다."),
    },
)


def refusals_of(
    body: Callable[[int | str, str, int], Any],
    *,
    key: tuple[int, int | str, str],
    signature: tuple[int, int | str, str],
    stale: tuple[int, int | str, str],
    limited: tuple[int | str, str],
    broken: tuple[int | str, str],
    passphrase: tuple[int, int | str, str] | None = None,
    query: tuple[int, int | str, str] | None = None,
) -> Refusals:
    """The refusals of a venue that has one answer for each kind of trouble.

    Args:
        body: As in ``Refusals``.
        key: Status, code and sentence where the key is missing, unknown or not allowed.
        signature: The same, where it was not signed as it should be.
        stale: The same, where the request's clock is off.
        limited: Code and sentence of too many requests, at 429 and 418.
        broken: Code and sentence of its own trouble, at 500.
        passphrase: As ``key``, where the venue has one.
        query: As ``key``, where a parameter can be missing.
    """
    by_problem = {
        Problem.NO_KEY: Refusal(*key),
        Problem.UNKNOWN_KEY: Refusal(*key),
        Problem.UNAUTHORIZED: Refusal(401, *key[1:]),
        Problem.NO_SIGNATURE: Refusal(*signature),
        Problem.WRONG_SIGNATURE: Refusal(*signature),
        Problem.STALE: Refusal(*stale),
        Problem.BANNED: Refusal(418, *limited),
        Problem.RATE_LIMITED: Refusal(429, *limited),
        Problem.SERVER_ERROR: Refusal(500, *broken),
    }
    if passphrase is not None:
        by_problem[Problem.WRONG_PASSPHRASE] = Refusal(*passphrase)
    if query is not None:
        by_problem[Problem.WRONG_QUERY] = Refusal(*query)
    return Refusals(body=body, by_problem=by_problem)

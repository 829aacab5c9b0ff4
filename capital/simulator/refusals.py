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

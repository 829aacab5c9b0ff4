"""ccxt clients: exact and quiet, and what their errors mean here.

ccxt is imported inside the functions that need it: it costs 0.4 s and 100 MB, which commands that
call no exchange should not pay.
"""

import asyncio
import base64
import copy
import json
import logging
import pickle
import re
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from capital.domain.errors import InvalidAmount
from capital.domain.money import parse_amount
from capital.domain.reasons import Code, Reason
from capital.exchange.clocks import (
    ToldTime,
    milliseconds_of,
    seconds_in_a_cache,
    seconds_to_wait,
    told_by_date,
)
from capital.exchange.venues import Venue, get_venue

_Answer = TypeVar("_Answer")

REQUEST_TIMEOUT_SECONDS = 5

# ccxt logs signed URLs and headers at DEBUG. This logger is outside the hierarchy, so no
# configuration can turn it on.
_silence = logging.Logger("ccxt", level=logging.CRITICAL + 1)  # noqa: LOG001


def new_client(venue_id: str) -> Any:
    """A client without keys and with its own state; building one with ccxt takes 2 ms of CPU."""
    built = built_client(venue_id)
    client = copy.copy(built)
    for name, value in vars(built).items():
        if isinstance(value, dict):
            setattr(client, name, value.copy())
    # ccxt stores what it learns about an account here, at any depth.
    client.options, client.urls = pickle.loads(_packed(venue_id))  # noqa: S301  # made here
    return client


@lru_cache
def _packed(venue_id: str) -> bytes:
    """What is copied at any depth; unpacking takes a fifth of the time of ``copy.deepcopy``."""
    built = built_client(venue_id)
    return pickle.dumps((built.options, built.urls))


@lru_cache
def built_client(venue_id: str) -> Any:
    """The client from which a venue's clients are copied. It has no keys and sends no requests."""
    client = _exchange_class(venue_id)(
        {
            "options": dict(get_venue(venue_id).options),
            "session": None,
            "ssl_context": tls_context(),
            "timeout": REQUEST_TIMEOUT_SECONDS * 1000,
            # A balance or a price of before is no answer.
            "headers": {"Cache-Control": "no-cache"},
            "enableRateLimit": False,
            "logger": _silence,
        }
    )
    # A balance needs no markets, and loading them takes up to 13 requests.
    client.markets = {}
    client.number = parse_amount
    return client


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """The TLS context that all clients share: creating one takes 20 ms of CPU."""
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


@lru_cache(maxsize=64)
def _rsa_key(pem: str) -> Any:
    """The key in ``pem``. Loading one checks it, which takes 0.3 s of CPU for 4,096 bits."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return load_pem_private_key(pem.encode(), None)


def redirected(urls: Any, base: str) -> Any:
    """``urls`` with scheme and host replaced by ``base``; paths are kept."""
    if isinstance(urls, dict):
        return {name: redirected(url, base) for name, url in urls.items()}
    return base.rstrip("/") + urlsplit(urls).path if isinstance(urls, str) else urls


@lru_cache
def _exchange_class(venue_id: str) -> Any:
    import ccxt.async_support

    return type(venue_id, (_ExactAnswers, getattr(ccxt.async_support, venue_id)), {})


def load_ccxt() -> None:
    """Import ccxt now instead of with the first request."""
    import ccxt.async_support  # noqa: F401


def run_to_its_end(work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The result of ``work``, whether or not the caller's thread has an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    # The caller's thread has its own loop; blocking it is the caller's choice.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


def is_cancelled_by_the_caller(error: BaseException) -> bool:
    """Whether this task was cancelled. ccxt also raises ``CancelledError`` by itself."""
    task = asyncio.current_task()
    is_cancelled = isinstance(error, asyncio.CancelledError)
    return is_cancelled and task is not None and task.cancelling() > 0


def reason_for(error: BaseException, venue: Venue, deadline_seconds: float) -> Reason:
    """The reason for an error. It names the error's class, never its text."""
    from ccxt.base import errors
    from cryptography.exceptions import UnsupportedAlgorithm

    kind = type(error).__name__
    if isinstance(error, Blocked):
        return Reason(Code.EXCHANGE_BLOCKED, {"venue": venue.id, "status": str(error.status)})
    if isinstance(error, TimeoutError | errors.RequestTimeout):
        seconds = deadline_seconds if isinstance(error, TimeoutError) else REQUEST_TIMEOUT_SECONDS
        return Reason(Code.EXCHANGE_TIMEOUT, {"venue": venue.id, "seconds": f"{seconds:g}"})
    code = Code.EXCHANGE_ERROR
    for classes, candidate in (
        ((errors.AuthenticationError, errors.InvalidNonce), Code.EXCHANGE_REFUSED_KEY),
        ((errors.DDoSProtection, errors.RateLimitExceeded), Code.EXCHANGE_RATE_LIMITED),
        ((errors.BadResponse,), Code.EXCHANGE_BAD_ANSWER),
        ((errors.OperationFailed,), Code.EXCHANGE_UNREACHABLE),
        ((errors.NotSupported,), Code.EXCHANGE_NOT_SUPPORTED),
        # ccxt failed on a response or a secret with an unexpected shape
        ((InvalidAmount, LookupError, TypeError, ValueError, AttributeError, ArithmeticError,
          UnsupportedAlgorithm),
         Code.EXCHANGE_BAD_ANSWER),
    ):  # fmt: skip
        if isinstance(error, classes):
            code = candidate
            break
    return Reason(code, {"venue": venue.id, "kind": kind})


def code_of(exchange: Any, currency: str) -> Callable[[str], str]:
    """The common name of the venue's name of a currency, as ccxt knows it.

    An account's currency may also be the venue's own name, unless that is another currency's common
    name.
    """
    bridged = exchange.options.get("spotCurrencyMapping", {})
    others = exchange.commonCurrencies.values()

    def common_name(name: str) -> str:
        if name.upper() == currency and currency not in others:
            return currency
        code = str(exchange.safe_currency_code(name))
        return str(bridged.get(code, code))

    return common_name


class Blocked(Exception):
    """The venue, or the network in front of it, serves nobody at this address."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


# What an answer says that refuses a country: the network's page in front of a venue, or the venue
# itself, which some do with 400. Any other 4xx of a venue is a key that lacks a right, or a slip.
_BLOCKS = re.compile(
    r"(block|restrict|prohibit|not available|unavailable)[^.]{0,60}(countr|region|location|"
    r"jurisdiction|territor|the U\.S\.)|(countr|region|jurisdiction)[^.]{0,60}(block|restrict|"
    r"not supported|banned)|country_is_banned|blacklist country",
    re.IGNORECASE,
)


def is_blocked(status: int, body: str) -> bool:
    """Whether an answer refuses whoever asks from this address, with or without a key."""
    return status == 451 or (400 <= status < 500 and _BLOCKS.search(body) is not None)


class _ExactAnswers:
    """Mixed into ccxt's class: numbers never become floats, and only JSON is a response.

    Attributes:
        clock_skew_milliseconds: How far this machine's clock is ahead of the venue's.
        is_clock_corrected: The venue's time was already requested.
        asked_at: When the last request was sent, in this machine's milliseconds.
        asked_monotonic: The same by the monotonic clock.
        dated_at: The time in the ``Date`` header of the last response; None if there is none.
        cached_seconds: How long it lay in a cache, as its ``Age`` header says.
        told_by_date: The time in the ``Date`` header of the last response.
        takes_text: A single word is a valid response, too.
        has_asked: A request was signed and sent.
        answers: The responses of this attempt as they came: ccxt changes those that it gets.
        refused_with: Status and ``Retry-After`` of the last response that asked for fewer requests.
    """

    clock_skew_milliseconds = 0
    is_clock_corrected = False
    asked_at = 0
    asked_monotonic = 0
    dated_at: int | None = None
    cached_seconds = 0
    told_by_date: ToldTime | None = None
    refused_with: tuple[int, float | None] | None = None
    has_asked = False
    takes_text = False
    answers: tuple[Any, ...] = ()

    def milliseconds(self) -> int:
        return milliseconds_now() - self.clock_skew_milliseconds

    def seconds(self) -> int:
        return self.milliseconds() // 1000

    def microseconds(self) -> int:
        return time.time_ns() // 1000 - self.clock_skew_milliseconds * 1000

    @staticmethod
    def on_json_response(body: str) -> Any:
        return json.loads(
            body,
            parse_float=str,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_duplicates,
        )

    def rsa(
        self, request: str, secret: str, alg: str = "sha256", padding_mode: str = "pkcs1"
    ) -> str:
        """As ccxt signs, with a key that is not loaded again for every request."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        if (alg, padding_mode) != ("sha256", "pkcs1"):
            other: str = super().rsa(request, secret, alg, padding_mode)  # type: ignore[misc]
            return other
        signature = _rsa_key(secret).sign(request.encode(), PKCS1v15(), SHA256())
        return base64.b64encode(signature).decode()

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        from ccxt.base import errors

        self.has_asked = True
        self.asked_at, self.asked_monotonic = milliseconds_now(), monotonic_now()
        answer = await super().fetch(*args, **kwargs)  # type: ignore[misc]
        if not isinstance(answer, (dict | list | str) if self.takes_text else (dict | list)):
            raise errors.BadResponse("not JSON")
        self.answers = (*self.answers, copy.copy(answer))
        return answer

    def handle_errors(self, status: int, *args: Any) -> Any:
        from ccxt.base import errors

        date = _header(args[3], "date")
        self.dated_at = milliseconds_of(date)
        self.cached_seconds = seconds_in_a_cache(_header(args[3], "age"))
        self.told_by_date = told_by_date(
            date, asked_at=self.asked_at, answered_at=milliseconds_now()
        )
        wait_seconds = seconds_to_wait(
            _header(args[3], "retry-after"), date=date, now=milliseconds_now()
        )
        if is_blocked(status, str(args[4])):
            raise Blocked(status)
        if status in (418, 429) or (status == 503 and wait_seconds is not None):
            self.refused_with = (status, wait_seconds)
        try:
            answer = super().handle_errors(status, *args)  # type: ignore[misc]
        except errors.ExchangeError as error:
            self._refuse_clock(status, args[4], error)
            key_errors = get_venue(self.id).key_errors  # type: ignore[attr-defined]
            if any(text in str(error) for text in key_errors):
                raise errors.AuthenticationError(f"HTTP {status}") from None
            # If ccxt does not know a venue's error name, it drops the HTTP status.
            meaning = _meaning_of_status(status)
            if type(error) is errors.ExchangeError and meaning is not None:
                raise meaning(f"HTTP {status}") from None
            raise
        if status == 401:
            self._refuse_clock(status, args[4], errors.AuthenticationError(f"HTTP {status}"))
        return answer

    def _refuse_clock(self, status: int, body: str, error: Exception) -> None:
        """Raise if the venue refuses the request's time, or might; otherwise ``error`` stands."""
        from ccxt.base import errors

        clock_errors = get_venue(self.id).clock_errors  # type: ignore[attr-defined]
        if any(text in body for text in clock_errors):
            cause = error if isinstance(error, errors.AuthenticationError) else None
            raise errors.InvalidNonce(f"HTTP {status}") from cause


def _meaning_of_status(status: int) -> Any:
    """The class of ccxt error for an HTTP status; None if the status says too little."""
    from ccxt.base import errors

    if status == 401:
        return errors.AuthenticationError
    if status == 403:
        return errors.PermissionDenied
    if status in (418, 429):
        return errors.RateLimitExceeded
    return errors.ExchangeNotAvailable if status >= 500 else None


def milliseconds_now() -> int:
    """This machine's time, as venues write it."""
    return time.time_ns() // 1_000_000


def monotonic_now() -> int:
    """The clock that nobody sets, in milliseconds."""
    return time.monotonic_ns() // 1_000_000


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Of two values under one key, nobody can say which one is meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")

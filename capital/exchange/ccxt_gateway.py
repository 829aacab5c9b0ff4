"""Balances through ccxt: the only module that knows it.

ccxt is imported inside the functions that need it: it costs 0.4 s and 100 MB, which commands
that ask no exchange should not pay.
"""

import asyncio
import copy
import json
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from capital.domain.balances import Observation
from capital.domain.errors import BalanceUnavailable, InvalidAmount
from capital.domain.money import parse_amount
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.gateway import Answers, BalanceRequest, Clock
from capital.exchange.venues import BalanceCall, Venue, get_venue

if TYPE_CHECKING:
    import aiohttp

DEADLINE_SECONDS = 15
REQUEST_TIMEOUT_SECONDS = 5
ATTEMPTS = 3
RETRY_PAUSE_SECONDS = 0.25

# ccxt logs signed URLs and headers at DEBUG. This logger is in no hierarchy: no configuration
# can switch it on.
_silence = logging.Logger("ccxt", level=logging.CRITICAL + 1)  # noqa: LOG001


@dataclass(frozen=True)
class CcxtGateway:
    """Reads balances through ccxt's async clients.

    One HTTP session and one TLS context serve all accounts of a call: building them for each
    account costs 20 ms of CPU a piece.

    Attributes:
        venue_urls: Venue to base URL that replaces scheme and host of the venue's own.
        concurrency: How many accounts are read at once.
        deadline_seconds: For one account, with its retries.
    """

    venue_urls: Mapping[str, str]
    concurrency: int
    deadline_seconds: float = DEADLINE_SECONDS

    def fetch_balances(
        self,
        requests: Sequence[BalanceRequest],
        *,
        clock: Clock,
        on_account: Callable[[], None] | None = None,
    ) -> Answers:
        """As ``ExchangeGateway.fetch_balances``."""
        if not requests:
            return {}
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self._fetch_all(requests, clock, on_account))
        # The caller's thread has a loop of its own; blocking it is the caller's choice.
        with ThreadPoolExecutor(max_workers=1) as thread:
            work = self._fetch_all(requests, clock, on_account)
            return thread.submit(asyncio.run, work).result()

    async def _fetch_all(
        self,
        requests: Sequence[BalanceRequest],
        clock: Clock,
        on_account: Callable[[], None] | None,
    ) -> Answers:
        import aiohttp

        slots = asyncio.Semaphore(self.concurrency)
        connector = aiohttp.TCPConnector(ssl=_tls_context(), limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def in_turn(request: BalanceRequest) -> list[Observation | Reason]:
                async with slots:
                    answers = await self._fetch_account(request, session, clock)
                if on_account is not None:
                    on_account()
                return answers

            answers = await asyncio.gather(*(in_turn(request) for request in requests))
        return {
            (request.account_id, pool): answer
            for request, of_account in zip(requests, answers, strict=True)
            for pool, answer in zip(request.pools, of_account, strict=True)
        }

    async def _fetch_account(
        self, request: BalanceRequest, session: "aiohttp.ClientSession", clock: Clock
    ) -> list[Observation | Reason]:
        missing = [
            name
            for name in request.venue.credentials
            if not getattr(request.credentials, name).strip()
        ]
        if missing:
            reason = Reason(Code.CREDENTIALS_MISSING, {"missing": ", ".join(missing)})
            return [reason for _ in request.pools]
        deadline = asyncio.get_running_loop().time() + self.deadline_seconds
        return list(
            await asyncio.gather(
                *(
                    self._fetch_pool(request, pool, session, deadline, clock)
                    for pool in request.pools
                )
            )
        )

    async def _fetch_pool(
        self,
        request: BalanceRequest,
        pool: Pool,
        session: "aiohttp.ClientSession",
        deadline: float,
        clock: Clock,
    ) -> Observation | Reason:
        # A client of its own for each pool: one that has succeeded once takes a refused key for
        # an overload.
        exchange: Any = None
        try:
            call = request.venue.calls[pool]
            exchange = self._exchange(request, session)
            async with asyncio.timeout_at(deadline):
                answer = await _fetch_with_retries(exchange, dict(call.params))
            amount = _read_amount(answer, call, request)
        except BalanceUnavailable as error:
            return error.reason
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it is meant for us
            return _reason_for(error, request.venue, self.deadline_seconds)
        except Exception as error:  # noqa: BLE001  # whatever ccxt raises, the others go on
            return _reason_for(error, request.venue, self.deadline_seconds)
        finally:
            if exchange is not None:
                exchange.session = None  # shared; ccxt would complain that it was not closed
        return Observation(amount, clock())

    def _exchange(self, request: BalanceRequest, session: "aiohttp.ClientSession") -> Any:
        venue = request.venue
        exchange = _new_client(venue.id)
        exchange.apiKey = request.credentials.api_key.strip()
        exchange.secret = request.credentials.api_secret.strip()
        exchange.password = request.credentials.api_passphrase.strip()
        exchange.session = session
        exchange.asyncio_loop = asyncio.get_running_loop()
        if request.is_sandbox:
            if venue.sandbox == "demo":
                exchange.enable_demo_trading(enable=True)
            else:
                exchange.set_sandbox_mode(True)  # named differently by venue
        if venue.id in self.venue_urls:
            exchange.urls["api"] = _redirected(exchange.urls["api"], self.venue_urls[venue.id])
        return exchange


async def _fetch_with_retries(exchange: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Ask again where the network or the exchange stumbled; never where it said no.

    ``OperationFailed`` is ccxt's root of what may pass by itself. Too many requests and a wrong
    clock are under it too, and asking again makes those worse.
    """
    from ccxt.base import errors

    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer: dict[str, Any] = await exchange.fetch_balance(dict(params))
        except errors.OperationFailed as error:
            said_no = (errors.DDoSProtection, errors.RateLimitExceeded, errors.InvalidNonce)
            if isinstance(error, said_no) or attempt == ATTEMPTS:
                raise
            await asyncio.sleep(RETRY_PAUSE_SECONDS * 2 ** (attempt - 1))
        else:
            return answer
    raise AssertionError("the last attempt returns or raises")


def _read_amount(answer: dict[str, Any], call: BalanceCall, request: BalanceRequest) -> Any:
    """The total of the account's currency in ccxt's balance structure, exact and unrounded.

    Raises:
        BalanceUnavailable: It is not there, or not a number.
    """
    venue = request.venue.id
    holdings: Any = answer.get("info")
    for step in call.holdings:
        try:
            holdings = holdings[step]
        except (KeyError, IndexError, TypeError):
            holdings = None
            break
    if not isinstance(holdings, list):
        raise BalanceUnavailable(Code.EXCHANGE_BAD_ANSWER, venue=venue, kind="no list of holdings")
    found = answer.get(request.currency)
    if not isinstance(found, dict):
        if call.omits_empty:
            return parse_amount(0)
        raise BalanceUnavailable(
            Code.EXCHANGE_CURRENCY_MISSING, venue=venue, currency=request.currency
        )
    # ccxt turns a number that it cannot read into None, and adds the others up all the same.
    if any(found.get(part) is None for part in ("free", "used", "total")):
        raise BalanceUnavailable(Code.EXCHANGE_BAD_ANSWER, venue=venue, kind="not a number")
    return found["total"]


def _reason_for(error: BaseException, venue: Venue, deadline_seconds: float) -> Reason:
    """Our reason for what was raised. It names the class of the error, never its text."""
    from ccxt.base import errors

    kind = type(error).__name__
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
        # ccxt stumbled over an answer of a shape that it does not expect
        ((InvalidAmount, LookupError, TypeError, ValueError, AttributeError, ArithmeticError),
         Code.EXCHANGE_BAD_ANSWER),
    ):  # fmt: skip
        if isinstance(error, classes):
            code = candidate
            break
    return Reason(code, {"venue": venue.id, "kind": kind})


class _ExactAnswers:
    """Mixed into ccxt's class: no float is made of a number, and what is not JSON is no answer."""

    @staticmethod
    def on_json_response(body: str) -> Any:
        return json.loads(body, parse_float=str, parse_constant=_refuse_constant)

    async def fetch(self, *args: Any, **kwargs: Any) -> Any:
        from ccxt.base import errors

        answer = await super().fetch(*args, **kwargs)  # type: ignore[misc]
        if not isinstance(answer, dict | list):
            raise errors.BadResponse("not JSON")
        return answer

    def handle_errors(self, status: int, *args: Any) -> Any:
        from ccxt.base import errors

        try:
            return super().handle_errors(status, *args)  # type: ignore[misc]
        except errors.ExchangeError as error:
            # Where ccxt does not know a venue's error name, it forgets the HTTP status.
            meaning = _meaning_of_status(status)
            if type(error) is errors.ExchangeError and meaning is not None:
                raise meaning(f"HTTP {status}") from None
            raise


def _meaning_of_status(status: int) -> Any:
    """The class of ccxt error that an HTTP status stands for; None where it says too little."""
    from ccxt.base import errors

    if status == 401:
        return errors.AuthenticationError
    if status == 403:
        return errors.PermissionDenied
    if status in (418, 429):
        return errors.RateLimitExceeded
    return errors.ExchangeNotAvailable if status >= 500 else None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number")


@lru_cache
def _exchange_class(venue_id: str) -> Any:
    import ccxt.async_support

    return type(venue_id, (_ExactAnswers, getattr(ccxt.async_support, venue_id)), {})


def _new_client(venue_id: str) -> Any:
    """A client without keys whose state is its own; ccxt takes 2 ms of CPU to build one."""
    built = _built_client(venue_id)
    client = copy.copy(built)
    for name, value in vars(built).items():
        if isinstance(value, dict):
            setattr(client, name, value.copy())
    # What ccxt learns of an account it keeps here, at any depth.
    client.options = copy.deepcopy(built.options)
    client.urls = copy.deepcopy(built.urls)
    return client


@lru_cache
def _built_client(venue_id: str) -> Any:
    """What clients of a venue are copied from. It never has keys, and never asks anything."""
    client = _exchange_class(venue_id)(
        {
            "options": dict(get_venue(venue_id).options),
            "session": None,
            "ssl_context": _tls_context(),
            "timeout": REQUEST_TIMEOUT_SECONDS * 1000,
            "enableRateLimit": False,
            "logger": _silence,
        }
    )
    # A balance needs no markets, and loading them costs up to 13 requests.
    client.markets = {}
    client.number = parse_amount
    return client


@lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    import certifi

    return ssl.create_default_context(cafile=certifi.where())


def _redirected(urls: Any, base: str) -> Any:
    """``urls`` with the scheme and host of each replaced by ``base``, paths kept."""
    if isinstance(urls, dict):
        return {name: _redirected(url, base) for name, url in urls.items()}
    return base.rstrip("/") + urlsplit(urls).path if isinstance(urls, str) else urls

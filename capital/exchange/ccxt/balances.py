"""Balances, read through ccxt."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.answers import name_of_wallet, read_all_balances, read_balance, read_coins
from capital.exchange.ccxt.accounts import DEADLINE_SECONDS, AccountClients
from capital.exchange.ccxt.clients import (
    built_client,
    code_of,
    is_cancelled_by_the_caller,
    reason_for,
    run_to_its_end,
    tls_context,
)
from capital.exchange.ccxt.keys import inspect_all
from capital.exchange.ccxt.lanes import lanes_of, read_in_lanes
from capital.exchange.contract import (
    Answers,
    BalanceRequest,
    Contents,
    KeyFacts,
    OnAccount,
    WalletAnswers,
)
from capital.exchange.politeness import Line
from capital.exchange.venues import BalanceCall

if TYPE_CHECKING:
    import aiohttp

__all__ = ["DEADLINE_SECONDS", "CcxtGateway"]

ATTEMPTS = 3
# For so many, somebody waits: a person, or a change of one account. A sync is of more.
FEW_ACCOUNTS = 10
RETRY_PAUSE_SECONDS = 0.25

Reader = Callable[[dict[str, Any], BalanceCall, BalanceRequest, Any], Any]
"""Makes of ccxt's answer, how it was asked for, for whom and by which client what is wanted."""

# Failures after which a venue is paused if they are repeated.
_VENUE_FAILURES = frozenset(
    {
        Code.EXCHANGE_TIMEOUT,
        Code.EXCHANGE_UNREACHABLE,
        Code.EXCHANGE_BLOCKED,
        Code.EXCHANGE_RATE_LIMITED,
        Code.EXCHANGE_REFUSED_KEY,
        Code.EXCHANGE_BAD_ANSWER,
        Code.EXCHANGE_ERROR,
    }
)

# The code of a failure before any request was sent: the credentials or the arguments are wrong.
_BEFORE_ASKING = {
    Code.EXCHANGE_BAD_ANSWER: Code.CREDENTIALS_MALFORMED,
    Code.EXCHANGE_REFUSED_KEY: Code.CREDENTIALS_MALFORMED,
    Code.EXCHANGE_ERROR: Code.EXCHANGE_NOT_SUPPORTED,
}


@dataclass(frozen=True)
class CcxtGateway(AccountClients):
    """Reads balances through ccxt's async clients.

    One HTTP session and one TLS context serve all accounts of a call: creating them costs 20 ms of
    CPU per account.
    """

    def fetch_balances(
        self,
        requests: Sequence[BalanceRequest],
        *,
        clock: Clock,
        on_account: OnAccount | None = None,
    ) -> Answers:
        """See ``ExchangeGateway.fetch_balances``."""

        def read(
            answer: dict[str, Any], call: BalanceCall, request: BalanceRequest, exchange: Any
        ) -> Observation:
            named = code_of(exchange, request.currency)
            amount = read_balance(
                answer,
                call,
                pages=exchange.answers,
                venue=request.venue.id,
                currency=request.currency,
                basis=request.balance_basis,
                code_of=named,
            )
            called = name_of_wallet(
                answer,
                call,
                venue=request.venue.id,
                currency=request.currency,
                basis=request.balance_basis,
                code_of=named,
            )
            observed = Observation(amount, clock(), called)
            if not request.with_coins:
                return observed
            coins = read_coins(
                answer,
                call,
                pages=exchange.answers,
                venue=request.venue.id,
                currency=request.currency,
                basis=request.balance_basis,
                code_of=named,
            )
            return replace(observed, coins=coins)

        return run_to_its_end(self._fetch_all(requests, read, on_account)) if requests else {}

    def fetch_wallets(self, requests: Sequence[BalanceRequest]) -> WalletAnswers:
        """See ``ExchangeGateway.fetch_wallets``."""

        def read(
            answer: dict[str, Any], call: BalanceCall, request: BalanceRequest, exchange: Any
        ) -> Contents:
            return read_all_balances(
                answer,
                call,
                pages=exchange.answers,
                venue=request.venue.id,
                currency=request.currency,
                basis=request.balance_basis,
                code_of=code_of(exchange, request.currency),
            )

        return run_to_its_end(self._fetch_all(requests, read)) if requests else {}

    def inspect_keys(self, requests: Sequence[BalanceRequest]) -> Mapping[int, KeyFacts]:
        """See ``ExchangeGateway.inspect_keys``."""
        return run_to_its_end(inspect_all(self, requests)) if requests else {}

    async def _fetch_all(
        self,
        requests: Sequence[BalanceRequest],
        read: "Reader",
        on_account: OnAccount | None = None,
    ) -> dict[tuple[int, Pool], Any]:
        import aiohttp

        is_urgent = self.is_hurried or len(requests) <= FEW_ACCOUNTS
        gateway = replace(
            self._with_clients({request.venue.id for request in requests}), is_urgent=is_urgent
        )
        # Of a call that has to end in time each venue has its share.
        lanes = lanes_of(requests, self.concurrency, by_venue=self.until is not None)
        connector = aiohttp.TCPConnector(ssl=tls_context(), limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def fetch(request: BalanceRequest, pool: Pool) -> Any:
                return await gateway._fetch_pool(request, pool, session, read)

            return await read_in_lanes(lanes, fetch, on_account)

    def _with_clients(self, venues: Collection[str]) -> Self:
        """Itself, with what the venues need imported: once a process, and not in their time."""
        began = time.monotonic()
        for venue_id in venues:
            built_client(venue_id)
        spent = timedelta(seconds=time.monotonic() - began)
        return self if self.until is None else replace(self, until=self.until + spent)

    async def _fetch_pool(
        self,
        request: BalanceRequest,
        pool: Pool,
        session: "aiohttp.ClientSession",
        read: "Reader",
    ) -> Any:
        """What ``read`` makes of the answer, or the reason why there is none."""
        missing = [
            name
            for name in request.venue.credentials
            if not getattr(request.credentials, name).strip()
        ]
        if missing:
            return Reason(Code.CREDENTIALS_MISSING, {"missing": ", ".join(missing)})
        deadline = self.deadline()
        if asyncio.get_running_loop().time() >= deadline:
            return Reason(Code.NO_TIME_LEFT, {"venue": request.venue.id})
        return await self._ask(request, pool, session, deadline, read)

    async def _ask(
        self,
        request: BalanceRequest,
        pool: Pool,
        session: "aiohttp.ClientSession",
        deadline: float,
        read: "Reader",
    ) -> Any:
        """The same for a request that has keys and time."""
        call = request.venue.call(pool, request.currency)
        line = self.line(request, pool)
        refusal = self.refusal(line, may_try=not self.is_hurried)
        if refusal is not None:
            return refusal
        # Each pool has its own client: one that has succeeded once takes a refused key for
        # an overload.
        try:
            exchange = self.client(request, session, call)
            exchange.accounts = self.politeness.account_ids(line)
        except Exception as error:  # noqa: BLE001  # whatever ccxt raises, the others go on
            self.untried(line)
            return self._reason(error, request, has_asked=False)
        try:
            async with asyncio.timeout_at(deadline):
                await self.take_turn(line, call, deadline)
                answer = await self._fetch_with_retries(
                    exchange, request, call, line, deadline=deadline
                )
                answers = exchange.answers
                owner = await self.check_answer(exchange, request, pool, call, line)
                # In doubt the venue's time was asked besides.
                exchange.answers = answers
            value = read(answer, call, request, exchange)
            if owner and isinstance(value, Observation):
                value = replace(value, owner=owner)
        except (Exception, asyncio.CancelledError) as error:  # as above
            if is_cancelled_by_the_caller(error):
                raise
            reason = self._reason(error, request, has_asked=exchange.has_asked)
            self._learn_from_failure(line, reason, exchange)
            return reason
        finally:
            exchange.session = None  # shared; otherwise ccxt complains that it was not closed
        self.politeness.succeeded(line)
        if exchange.accounts is not None:
            self.politeness.learn_account_ids(line, exchange.accounts)
        return value

    def _reason(self, error: BaseException, request: BalanceRequest, *, has_asked: bool) -> Reason:
        """Why there is no balance. If no request was sent, the venue did not fail."""
        if isinstance(error, BalanceUnavailable):
            return error.reason
        reason = reason_for(error, request.venue, self.deadline_seconds)
        if has_asked or isinstance(error, asyncio.CancelledError):
            return reason
        return Reason(_BEFORE_ASKING.get(reason.code, reason.code), reason.figures)

    def _learn_from_failure(self, line: Line, reason: Reason, exchange: Any) -> None:
        """Record a failure of the venue. A response that merely lacks a value is not a failure."""
        if not exchange.has_asked:
            self.untried(line)
        elif reason.code not in _VENUE_FAILURES:
            if exchange.answers:
                self.politeness.succeeded(line)
        elif not self._was_hurried(reason):
            self.failed(line, exchange)

    def _was_hurried(self, reason: Reason) -> bool:
        return reason.code is Code.EXCHANGE_TIMEOUT and self.is_hurried

    async def _fetch_with_retries(
        self,
        exchange: Any,
        request: BalanceRequest,
        call: BalanceCall,
        line: Line,
        *,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """Ask again where the network or the exchange stumbled; never where it said no.

        ``OperationFailed`` is ccxt's root of what may pass by itself. Too many requests are under
        it too, and asking again makes those worse. A clock that is wrong is put right once.
        """
        from ccxt.base import errors

        attempt = 1
        while True:
            try:
                if call.scales:
                    await self.learn_currencies(exchange, request)
                exchange.answers = ()
                params = call.params_for(request.currency)
                answer: dict[str, Any] = await exchange.fetch_balance(params)
            except errors.InvalidNonce as refusal:
                if not await self.put_clock_right(exchange, line):
                    # If the clock is right, the key is wrong.
                    raise (refusal.__cause__ or refusal) from None
            except (errors.DDoSProtection, errors.RateLimitExceeded):
                raise
            except errors.OperationFailed:
                if attempt == ATTEMPTS or exchange.refused_with is not None:
                    raise
                await asyncio.sleep(RETRY_PAUSE_SECONDS * 2 ** (attempt - 1))
                attempt += 1
                if deadline is not None:
                    await self.take_shared_turn(line, call, deadline)
            else:
                return _of_known_currencies(answer, exchange) if call.scales else answer


def _of_known_currencies(answer: dict[str, Any], exchange: Any) -> dict[str, Any]:
    """Without the currencies whose decimals ccxt had to guess."""
    total = answer.get("total")
    names = total if isinstance(total, dict) else {}
    return {**answer, "total": {name: names[name] for name in names if name in exchange.currencies}}

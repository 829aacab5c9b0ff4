"""Balances, and what is to know of a key, through clients of ccxt."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from capital.domain.balances import Observation
from capital.domain.clock import Clock
from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.clients import (
    built_client,
    milliseconds_now,
    new_client,
    reason_for,
    redirected,
    run_to_its_end,
    tls_context,
)
from capital.exchange.clocks import ToldTime
from capital.exchange.contract import Answers, BalanceRequest, Contents, KeyFacts, WalletAnswers
from capital.exchange.entries import read_all_balances, read_along, read_balance, read_facts
from capital.exchange.pem import MisplacedKey, is_private_key, well_formed
from capital.exchange.politeness import SHARED, Line, Politeness
from capital.exchange.venues import BalanceCall, Inspection, get_venue

if TYPE_CHECKING:
    import aiohttp

DEADLINE_SECONDS = 15
# For all that is asked of an account beside its balances.
INSPECTION_SECONDS = 5
ATTEMPTS = 3
RETRY_PAUSE_SECONDS = 0.25

Reader = Callable[[dict[str, Any], BalanceCall, BalanceRequest, Any], Any]
"""Makes of ccxt's answer, how it was asked for, for whom and by which client what is wanted."""

# What makes a venue be left alone for a while when it happens again and again.
_HELD_AGAINST_THE_VENUE = frozenset(
    {
        Code.EXCHANGE_TIMEOUT,
        Code.EXCHANGE_UNREACHABLE,
        Code.EXCHANGE_RATE_LIMITED,
        Code.EXCHANGE_REFUSED_KEY,
        Code.EXCHANGE_BAD_ANSWER,
        Code.EXCHANGE_ERROR,
    }
)

# What a failure is before anything was asked: the credentials' fault, or that of how it was asked.
_BEFORE_ASKING = {
    Code.EXCHANGE_BAD_ANSWER: Code.CREDENTIALS_MALFORMED,
    Code.EXCHANGE_REFUSED_KEY: Code.CREDENTIALS_MALFORMED,
    Code.EXCHANGE_ERROR: Code.EXCHANGE_NOT_SUPPORTED,
}


@dataclass(frozen=True)
class CcxtGateway:
    """Reads balances through ccxt's async clients.

    One HTTP session and one TLS context serve all accounts of a call: building them for each
    account costs 20 ms of CPU a piece.

    Attributes:
        venue_urls: Venue to base URL that replaces scheme and host of the venue's own.
        concurrency: How many accounts are read at once.
        deadline_seconds: For one account, with its waits and retries.
        politeness: Which requests wait, and which are not made.
    """

    venue_urls: Mapping[str, str]
    concurrency: int
    deadline_seconds: float = DEADLINE_SECONDS
    politeness: Politeness = SHARED

    def fetch_balances(
        self,
        requests: Sequence[BalanceRequest],
        *,
        clock: Clock,
        on_account: Callable[[], None] | None = None,
    ) -> Answers:
        """As ``ExchangeGateway.fetch_balances``."""

        def read(
            answer: dict[str, Any], call: BalanceCall, request: BalanceRequest, exchange: Any
        ) -> Observation:
            amount = read_balance(
                answer,
                call,
                pages=exchange.answers,
                venue=request.venue.id,
                currency=request.currency,
                basis=request.balance_basis,
                code_of=_code_of(exchange, request.currency),
            )
            return Observation(amount, clock())

        return run_to_its_end(self._fetch_all(requests, read, on_account)) if requests else {}

    def fetch_wallets(self, requests: Sequence[BalanceRequest]) -> WalletAnswers:
        """As ``ExchangeGateway.fetch_wallets``."""

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
                code_of=_code_of(exchange, request.currency),
            )

        return run_to_its_end(self._fetch_all(requests, read)) if requests else {}

    def inspect_keys(self, requests: Sequence[BalanceRequest]) -> Mapping[int, KeyFacts]:
        """As ``ExchangeGateway.inspect_keys``."""
        return run_to_its_end(self._inspect_all(requests)) if requests else {}

    async def _inspect_all(self, requests: Sequence[BalanceRequest]) -> dict[int, KeyFacts]:
        import aiohttp

        for venue_id in {request.venue.id for request in requests}:
            built_client(venue_id)  # as below
        connector = aiohttp.TCPConnector(ssl=tls_context(), limit=self.concurrency)
        async with aiohttp.ClientSession(connector=connector) as session:
            facts = await asyncio.gather(*(self._inspect(each, session) for each in requests))
        return {request.account_id: each for request, each in zip(requests, facts, strict=True)}

    async def _inspect(self, request: BalanceRequest, session: "aiohttp.ClientSession") -> KeyFacts:
        facts = KeyFacts()
        inspections = request.venue.inspections
        deadline = asyncio.get_running_loop().time() + self._inspection_seconds
        answers = await asyncio.gather(
            *(self._ask(request, inspection, session, deadline) for inspection in inspections)
        )
        api_key = request.credentials.api_key.strip()
        for inspection, answer in zip(inspections, answers, strict=True):
            facts = read_facts(answer, inspection, facts, api_key=api_key)
        if request.venue.secret_is_a_wallets and _is_of_its_own_wallet(request):
            facts = replace(facts, can_withdraw=True)
        return facts

    @property
    def _inspection_seconds(self) -> float:
        return min(INSPECTION_SECONDS, self.deadline_seconds)

    async def _ask(
        self,
        request: BalanceRequest,
        inspection: Inspection,
        session: "aiohttp.ClientSession",
        deadline: float,
    ) -> Any:
        """The answer; None where the venue does not give one, or is not to be asked now."""
        pool = request.pools[0]
        line, call = self._line(request, pool), request.venue.call(pool, request.currency)
        if self.politeness.refusal(line, _now(), may_try=False) is not None:
            return None
        exchange: Any = None
        try:
            exchange = self._exchange(request, session)
            exchange.takes_text = inspection.mode == ()
            async with asyncio.timeout_at(deadline):
                await self._take_turn(line, call, deadline)
                return await _asked(exchange, inspection, request.credentials.api_key.strip())
        except Exception:  # noqa: BLE001  # it does not say
            return None
        finally:
            if exchange is not None:
                exchange.session = None  # shared; ccxt would complain that it was not closed

    async def _fetch_all(
        self,
        requests: Sequence[BalanceRequest],
        read: "Reader",
        on_account: Callable[[], None] | None = None,
    ) -> dict[tuple[int, Pool], Any]:
        import aiohttp

        for venue_id in {request.venue.id for request in requests}:
            built_client(venue_id)  # importing it is not the venue's time
        slots = asyncio.Semaphore(self.concurrency)
        connector = aiohttp.TCPConnector(ssl=tls_context(), limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def in_turn(request: BalanceRequest) -> list[Any]:
                async with slots:
                    answers = await self._fetch_account(request, session, read)
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
        self,
        request: BalanceRequest,
        session: "aiohttp.ClientSession",
        read: "Reader",
    ) -> list[Any]:
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
                    self._fetch_pool(request, pool, session, deadline, read)
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
        read: "Reader",
    ) -> Any:
        """What ``read`` makes of the answer, or the reason why there is none."""
        call = request.venue.call(pool, request.currency)
        line = self._line(request, pool)
        refusal = self.politeness.refusal(line, _now(), may_try=not self._is_hurried)
        if refusal is not None:
            return refusal
        # A client of its own for each pool: one that has succeeded once takes a refused key for
        # an overload.
        exchange: Any = None
        try:
            exchange = self._exchange(request, session, call)
            exchange.accounts = self.politeness.account_ids(line)
            async with asyncio.timeout_at(deadline):
                await self._take_turn(line, call, deadline)
                answer = await self._fetch_with_retries(exchange, request, call, line)
            value = read(answer, call, request, exchange)
        except BalanceUnavailable as error:
            reason = error.reason
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it is meant for us
            reason = reason_for(error, request.venue, self.deadline_seconds)
        except Exception as error:  # noqa: BLE001  # whatever ccxt raises, the others go on
            reason = reason_for(error, request.venue, self.deadline_seconds)
            if not (exchange is not None and exchange.has_asked):
                # Nobody has answered anything yet.
                reason = Reason(_BEFORE_ASKING.get(reason.code, reason.code), reason.figures)
        else:
            self.politeness.succeeded(line)
            if exchange.accounts is not None:
                self.politeness.learn_account_ids(line, exchange.accounts)
            return value
        finally:
            if exchange is not None:
                exchange.session = None  # shared; ccxt would complain that it was not closed
        if exchange is not None and exchange.has_asked:
            self._hold_against(line, reason, exchange)
        else:
            self.politeness.untried(line, _now())
        return reason

    def _hold_against(self, line: Line, reason: Reason, exchange: Any) -> None:
        """Count a venue's failure; an answer that merely lacks what is wanted is none."""
        if reason.code not in _HELD_AGAINST_THE_VENUE:
            if exchange.answers:
                self.politeness.succeeded(line)
        elif not self._was_hurried(reason):
            status, retry_after_seconds = exchange.refused_with or (None, None)
            self.politeness.failed(
                line, _now(), status=status, retry_after_seconds=retry_after_seconds
            )

    @property
    def _is_hurried(self) -> bool:
        """Whether it is given less time than is usual: too little to blame the venue."""
        return self.deadline_seconds < DEADLINE_SECONDS

    def _was_hurried(self, reason: Reason) -> bool:
        return reason.code is Code.EXCHANGE_TIMEOUT and self._is_hurried

    async def _take_turn(self, line: Line, call: BalanceCall, deadline: float) -> None:
        left_seconds = deadline - asyncio.get_running_loop().time()
        wait_seconds = self.politeness.wait_seconds(
            line, call.weight, call.pace, _now(), most=left_seconds
        )
        if wait_seconds is None:
            kind = "as many requests as it allows are on their way"
            raise BalanceUnavailable(Code.EXCHANGE_RATE_LIMITED, venue=line.venue, kind=kind)
        await asyncio.sleep(wait_seconds)

    async def _fetch_with_retries(
        self, exchange: Any, request: BalanceRequest, call: BalanceCall, line: Line
    ) -> dict[str, Any]:
        """Ask again where the network or the exchange stumbled; never where it said no.

        ``OperationFailed`` is ccxt's root of what may pass by itself. Too many requests are under
        it too, and asking again makes those worse. A clock that is wrong is put right once.
        """
        from ccxt.base import errors

        attempt = 1
        while True:
            try:
                exchange.answers = ()
                params = call.params_for(request.currency)
                answer: dict[str, Any] = await exchange.fetch_balance(params)
            except errors.InvalidNonce as refusal:
                if not await self._put_clock_right(exchange, line):
                    # Where the clock is right, it was the key.
                    raise (refusal.__cause__ or refusal) from None
            except (errors.DDoSProtection, errors.RateLimitExceeded):
                raise
            except errors.OperationFailed:
                if attempt == ATTEMPTS or exchange.refused_with is not None:
                    raise
                await asyncio.sleep(RETRY_PAUSE_SECONDS * 2 ** (attempt - 1))
                attempt += 1
            else:
                return answer

    async def _put_clock_right(self, exchange: Any, line: Line) -> bool:
        """Learn from the venue how far this machine's clock is off; False where it is not that."""
        from ccxt.base import errors

        if exchange.is_clock_corrected:
            return False
        exchange.is_clock_corrected = True
        told: ToldTime | None = exchange.told_by_date
        if exchange.has.get("fetchTime"):
            asked_at = milliseconds_now()
            try:
                venue_time = await exchange.fetch_time()
            except errors.BaseError:
                return False  # the refusal says more than that the time is not to be had
            if venue_time is None:
                return False
            told = ToldTime(int(venue_time), asked_at, milliseconds_now())
        if told is None:
            return False
        change = told.skew - exchange.clock_skew_milliseconds
        if abs(change) < told.least_skew:
            return False
        if change > 0 and get_venue(line.venue).has_growing_nonce:
            return False  # an earlier time makes a lower number
        exchange.clock_skew_milliseconds = told.skew
        self.politeness.learn_skew(line.venue, line.base_url, told.skew)
        return True

    def _line(self, request: BalanceRequest, pool: Pool) -> Line:
        venue = request.venue.id
        base_url = self.venue_urls.get(venue, "sandbox" if request.is_sandbox else "")
        return Line.to(venue, base_url, request.credentials.api_key.strip(), pool.value)

    def _exchange(
        self,
        request: BalanceRequest,
        session: "aiohttp.ClientSession",
        call: BalanceCall | None = None,
    ) -> Any:
        venue = request.venue
        if is_private_key(request.credentials.api_key):
            raise MisplacedKey
        exchange = new_client(venue.id)
        for name, attribute in venue.ccxt_credentials.items():
            setattr(exchange, attribute, well_formed(getattr(request.credentials, name)))
        exchange.session = session
        exchange.asyncio_loop = asyncio.get_running_loop()
        if call is not None:
            exchange.options.update(call.options)
            # ccxt looks the currency up that it asks for by name.
            exchange.currencies = {
                request.currency: {
                    "id": call.currency_id(request.currency),
                    "code": request.currency,
                }
            }
        if request.is_sandbox:
            if venue.sandbox == "demo":
                exchange.enable_demo_trading(enable=True)
            else:
                exchange.set_sandbox_mode(True)  # named differently by venue
        if venue.id in self.venue_urls:
            exchange.urls["api"] = redirected(exchange.urls["api"], self.venue_urls[venue.id])
        base_url = self.venue_urls.get(venue.id, "sandbox" if request.is_sandbox else "")
        exchange.clock_skew_milliseconds = self.politeness.skew_milliseconds(venue.id, base_url)
        return exchange


async def _asked(exchange: Any, inspection: Inspection, api_key: str) -> Any:
    names = {"api_key": api_key}
    if inspection.first is not None:
        method, path = inspection.first
        found = read_along(await getattr(exchange, method)({}), path)
        if found is None:
            return None
        names["first"] = str(found)
    params = {key: text.format(**names) for key, text in inspection.params.items()}
    return await getattr(exchange, inspection.method)(params)


def _is_of_its_own_wallet(request: BalanceRequest) -> bool:
    """Whether the private key is that of the account's address, and no agent's."""
    from ccxt.base.exchange import Exchange

    try:
        address = Exchange.eth_get_address_from_private_key(request.credentials.api_secret.strip())
    except Exception:  # noqa: BLE001  # none, or no private key
        return False
    return bool(address.lower() == request.credentials.api_key.strip().lower())


def _now() -> datetime:
    """What limits and pauses are counted by: this machine's time, whatever a caller plays."""
    return datetime.now(UTC)


def _code_of(exchange: Any, currency: str) -> Callable[[str], str]:
    """The common name of what the venue calls a currency, as ccxt knows it.

    An account in ``currency`` may also be kept by the venue's own name, if that is nobody else's
    common one.
    """
    bridged = exchange.options.get("spotCurrencyMapping", {})
    others = exchange.commonCurrencies.values()

    def code_of(name: str) -> str:
        if name.upper() == currency and currency not in others:
            return currency
        code = str(exchange.safe_currency_code(name))
        return str(bridged.get(code, code))

    return code_of

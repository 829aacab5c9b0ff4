"""ccxt clients for one account: with its keys, its rate limits and the venue's clock."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from capital.domain.errors import BalanceUnavailable
from capital.domain.pools import Pool
from capital.domain.reasons import Code, Reason
from capital.exchange.calls.balances import Pace
from capital.exchange.ccxt.clients import milliseconds_now, monotonic_now, new_client, redirected
from capital.exchange.clocks import (
    OLDEST_BY_THIS_CLOCK_MILLISECONDS,
    OLDEST_MILLISECONDS,
    VENUE_TIMES,
    ToldTime,
    moment_of,
)
from capital.exchange.contract import BalanceRequest
from capital.exchange.formulas import read_along
from capital.exchange.moments import Moment
from capital.exchange.pem import MisplacedKey, is_private_key, well_formed
from capital.exchange.politeness import BANNED, SHARED, Line, Politeness
from capital.exchange.sharing.pace import SHARED_PACE, SharedPace, too_late
from capital.exchange.venues import BalanceCall, get_venue

if TYPE_CHECKING:
    import aiohttp

DEADLINE_SECONDS = 15
_LONGEST_OWNER = 80
_PARTS = 5
_LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class AccountClients:
    """Makes clients, and decides when they may send requests.

    Attributes:
        venue_urls: Venue to base URL that replaces scheme and host of the venue's own URLs.
        concurrency: How many accounts are read at once.
        deadline_seconds: For one account, with waits and retries.
        until: When all accounts together are to be answered; None where each has its own time.
        politeness: Which requests wait, and which are not sent.
        shared: What all processes of this address may send.
        is_urgent: Whether somebody waits for the answer, who does not wait behind a sync.
        is_spare: Whether it may make no balance wait, and fails for itself only.
    """

    venue_urls: Mapping[str, str]
    concurrency: int
    deadline_seconds: float = DEADLINE_SECONDS
    politeness: Politeness = SHARED
    until: Moment | None = None
    shared: SharedPace = SHARED_PACE
    is_urgent: bool = False
    is_spare: bool = False

    @property
    def is_hurried(self) -> bool:
        """Whether the caller allows less time than usual: too little to blame the venue."""
        return self.until is not None or self.deadline_seconds < DEADLINE_SECONDS

    def deadline(self) -> float:
        """Until when an account that begins now may take, by the time of the event loop."""
        own = asyncio.get_running_loop().time() + self.deadline_seconds
        return own if self.until is None else min(own, self.until.seconds)

    def client(
        self,
        request: BalanceRequest,
        session: "aiohttp.ClientSession",
        call: BalanceCall | None = None,
    ) -> Any:
        """A ccxt client with the account's keys, for ``call`` if it requests a balance.

        Raises:
            MisplacedKey: There is a private key in the field of its name.
            ValueError: A key has a form that cannot sign.
        """
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
            # ccxt looks up the currency that it requests by name.
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
                exchange.set_sandbox_mode(True)  # its name differs by venue
        if venue.id in self.venue_urls:
            exchange.urls["api"] = redirected(exchange.urls["api"], self.venue_urls[venue.id])
        base_url = self._base_url(request)
        exchange.clock_skew_milliseconds = self.politeness.skew_milliseconds(venue.id, base_url)
        return exchange

    def line(self, request: BalanceRequest, pool: Pool) -> Line:
        """Where requests for ``pool`` go."""
        api_key = request.credentials.api_key.strip()
        return Line.to(request.venue.id, self._base_url(request), api_key, pool.value)

    def own_line(self, line: Line) -> Line:
        """The line of what is not as urgent as balances: it fails, and is paused, for itself."""
        return replace(line, key_digest=f"{line.key_digest} fills", pool=f"{line.pool} fills")

    def _base_url(self, request: BalanceRequest) -> str:
        """The base URL that replaces the venue's hosts; empty for the venue's own."""
        return self.venue_urls.get(request.venue.id, "sandbox" if request.is_sandbox else "")

    def refusal(self, line: Line, *, may_try: bool) -> Reason | None:
        """Why no request may be sent now. See ``Politeness.refusal``."""
        return self.politeness.refusal(line, now(), may_try=may_try, clock_change=_clock_change())

    def untried(self, line: Line) -> None:
        """No request was sent after all. See ``Politeness.untried``."""
        self.politeness.untried(line, now())

    def failed(self, line: Line, exchange: Any) -> None:
        """Record a failure of the venue, and how long it asks to be left alone."""
        status, retry_after_seconds = exchange.refused_with or (None, None)
        if self.is_spare and retry_after_seconds is None:
            self.politeness.failed(self.own_line(line), now())
            return
        self.politeness.failed(line, now(), status=status, retry_after_seconds=retry_after_seconds)
        if retry_after_seconds is not None:
            calls = get_venue(line.venue).calls[Pool(line.pool)]
            counts_by_address = any(call.pace.weight_per_minute is not None for call in calls)
            is_of_address = status == BANNED or counts_by_address
            span = timedelta(seconds=retry_after_seconds)
            self.shared.refused(line, span, is_of_address=is_of_address)

    async def take_turn(self, line: Line, call: BalanceCall, deadline: float) -> None:
        """Wait until the venue may be asked, by the limits of the key and of the address.

        Raises:
            BalanceUnavailable: That would be after the deadline.
        """
        if self.is_spare:
            own = self.own_line(line)
            await self.take_spare_turn(line, own, call.weight, call.pace, deadline)
            return
        if self.shared.store is None:
            await self._take_own_turn(line, call, call.pace, deadline)
            return
        await self._take_own_turn(line, call, self.shared.own_share(line, call.pace), deadline)
        await self.take_shared_turn(line, call, deadline)

    async def take_shared_turn(self, line: Line, call: BalanceCall, deadline: float) -> None:
        """Wait for a turn among all processes of the address; nothing where they share no pace.

        Raises:
            BalanceUnavailable: That would be after the deadline.
        """
        if self.shared.store is None:
            return
        is_shared = await self.shared.take(
            line, call.weight, call.pace, deadline=deadline, is_urgent=self.is_urgent
        )
        if not is_shared:
            cautious = self.shared.own_share(line, call.pace, is_away=True)
            await self._take_own_turn(line, call, cautious, deadline)

    async def take_spare_turn(
        self, line: Line, own_line: Line, weight: int, pace: Pace, deadline: float
    ) -> None:
        """Wait until a request may be sent that makes no balance wait.

        Args:
            line: Where it goes, with the balances of the same pool.
            own_line: The line of such requests only, which may have ``spare`` of the pace.
            weight: What it counts for.
            pace: The venue's limits.
            deadline: By when, by the time of the event loop.

        Raises:
            BalanceUnavailable: That would be after the deadline.
        """
        loop, part = asyncio.get_running_loop(), spare(pace)
        wait_seconds = self.politeness.wait_seconds(
            own_line, weight, part, now(), most=deadline - loop.time()
        )
        if wait_seconds is None:
            raise too_late(line)
        await asyncio.sleep(wait_seconds)
        if self.shared.store is not None:
            for each, limits in ((own_line, part), (line, pace)):
                await self.shared.take(each, weight, limits, deadline=deadline, is_urgent=False)
            pace = self.shared.own_share(line, pace)
        # No turn that comes later is taken: a balance that asks meanwhile is first.
        while self.politeness.wait_seconds(line, weight, pace, now(), most=0) is None:
            if loop.time() + _LOOK_SECONDS >= deadline:
                raise too_late(line)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take_own_turn(
        self, line: Line, call: BalanceCall, pace: Pace, deadline: float
    ) -> None:
        left_seconds = deadline - asyncio.get_running_loop().time()
        wait_seconds = self.politeness.wait_seconds(
            line, call.weight, pace, now(), most=left_seconds
        )
        if wait_seconds is None:
            raise too_late(line)
        if wait_seconds:
            await asyncio.sleep(wait_seconds)

    async def learn_currencies(self, exchange: Any, request: BalanceRequest) -> None:
        """Let ccxt know by how many decimals it has to shift amounts, from the venue's list.

        Raises:
            BalanceUnavailable: The account's currency is not in that list.
        """
        name = (request.venue.id, self._base_url(request))
        known = self.politeness.currencies(name, now())
        if known is None:
            listed = await exchange.fetch_currencies()
            known = {code: dict(each) for code, each in listed.items()}
            self.politeness.learn_currencies(name, known, now())
        if request.currency not in known:
            raise BalanceUnavailable(
                Code.EXCHANGE_CURRENCY_MISSING, venue=request.venue.id, currency=request.currency
            )
        exchange.currencies = dict(known)

    async def put_clock_right(self, exchange: Any, line: Line) -> bool:
        """Learn from the venue how far this machine's clock is off; False where it is not that."""
        if exchange.is_clock_corrected:
            return False
        exchange.is_clock_corrected = True
        told: ToldTime | None = exchange.told_by_date
        if exchange.has.get("fetchTime"):
            asked_at = milliseconds_now()
            venue_time = await _venue_time(exchange)
            if venue_time is None:
                return False  # the refusal says more than that the time is unavailable
            told = ToldTime(venue_time, asked_at, milliseconds_now())
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

    async def check_answer(
        self, exchange: Any, request: BalanceRequest, pool: Pool, call: BalanceCall, line: Line
    ) -> str:
        """Whose account the answer is about, "" where it does not say; it is one of now.

        Raises:
            BalanceUnavailable: It is another account's, or older than a minute.
        """
        answer = exchange.answers[-1] if exchange.answers else None
        told = read_along(answer, call.owner) if call.owner else None
        owner = "" if told is None else str(told)[:_LONGEST_OWNER]
        if owner and request.owners.get(pool, owner) != owner:
            raise BalanceUnavailable(Code.WRONG_ACCOUNT, venue=line.venue, pool=pool.value)
        times = [exchange.dated_at]
        if call.told_at:
            times.append(moment_of(read_along(answer, call.told_at)))
        known = [each for each in times if each is not None]
        is_cached = exchange.cached_seconds * 1000 > OLDEST_MILLISECONDS
        if is_cached or (known and not await _is_of_now(exchange, line, min(known))):
            raise BalanceUnavailable(Code.ANSWER_OLD, venue=line.venue, pool=pool.value)
        return owner


def spare(pace: Pace) -> Pace:
    """The part of a pace that is left to what is not as urgent as a balance: a fifth."""
    limit = pace.weight_per_minute
    at_once = pace.key_requests // _PARTS
    return Pace(
        weight_per_minute=None if limit is None else max(1, limit // _PARTS),
        key_requests=max(1, at_once),
        key_seconds=pace.key_seconds
        if at_once
        else -(-pace.key_seconds * _PARTS // pace.key_requests),
    )


async def _is_of_now(exchange: Any, line: Line, made_at: int) -> bool:
    """Whether an answer that was made at ``made_at``, by the venue's clock, is one of now.

    In doubt the venue's clock is asked: it may be this machine's that is wrong.
    """
    venue = line.venue, line.base_url
    asked: int = exchange.asked_monotonic
    by_this_clock: int = exchange.asked_at - exchange.clock_skew_milliseconds
    expected = VENUE_TIMES.at(venue, asked)
    earliest = by_this_clock - OLDEST_BY_THIS_CLOCK_MILLISECONDS
    if made_at >= (earliest if expected is None else expected - OLDEST_MILLISECONDS):
        VENUE_TIMES.learn(venue, made_at, monotonic_now())
        return True
    venue_time = await _venue_time(exchange) if exchange.has.get("fetchTime") else None
    if venue_time is None:
        if made_at >= earliest:
            # Earlier answers say otherwise, but they may have been ahead of their time: this one is
            # not used, but the next one is compared with it.
            VENUE_TIMES.correct(venue, made_at, monotonic_now())
        return False
    answered = monotonic_now()
    VENUE_TIMES.correct(venue, venue_time, answered)
    return made_at >= venue_time - (answered - asked) - OLDEST_MILLISECONDS


async def _venue_time(exchange: Any) -> int | None:
    """The venue's time in milliseconds; None if it does not tell it now."""
    from ccxt.base import errors

    try:
        told = await exchange.fetch_time()
    except errors.BaseError:
        return None
    return None if told is None else int(told)


# The time when this was loaded, by the clock that people read and by the one that only goes on.
_STARTED_AT, _STARTED_SECONDS = datetime.now(UTC), time.monotonic()


def now() -> datetime:
    """The clock for limits and pauses: whatever is done to the machine's time, it only goes on."""
    return _STARTED_AT + _elapsed()


def _clock_change() -> timedelta:
    """How far the machine's time was set forward since then, in whole seconds."""
    return timedelta(seconds=round((datetime.now(UTC) - _STARTED_AT - _elapsed()).total_seconds()))


def _elapsed() -> timedelta:
    return timedelta(seconds=time.monotonic() - _STARTED_SECONDS)

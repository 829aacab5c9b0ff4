"""Fills, positions and flows, read through ccxt: it signs and sends, the venue's rows say the rest.

Nothing here may make a balance wait: a request is sent only where it needs no turn of theirs, and a
failure pauses what is asked here only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from capital.domain.errors import BalanceUnavailable
from capital.domain.reasons import Code, Reason
from capital.exchange.ccxt.accounts import AccountClients, now
from capital.exchange.ccxt.clients import (
    built_client,
    code_of,
    is_cancelled_by_the_caller,
    reason_for,
    run_to_its_end,
    tls_context,
)
from capital.exchange.clocks import OLDEST_MILLISECONDS
from capital.exchange.formulas import bad_answer, read_along
from capital.exchange.trading.contract import (
    FillsQuestion,
    Instrument,
    OrderQuestion,
    ReadFill,
    ReadFlow,
    ReadPosition,
    Told,
    TradingRequest,
    Unread,
)
from capital.exchange.trading.instruments import Instruments
from capital.exchange.trading.pages import (
    Span,
    arguments,
    halves_of,
    has_span,
    iso,
    order_arguments,
    parts_of,
)
from capital.exchange.trading.read import Reader, client_id_in, earliest_in, rows_of
from capital.exchange.trading.rows import Call, FlowFields, OrderCall, PositionFields
from capital.exchange.trading.venues import trading_of

if TYPE_CHECKING:
    import aiohttp

_Row = TypeVar("_Row")
_Found = TypeVar("_Found")
_Read = Callable[[Any, Call[Any]], Told[_Row]]

# For one account: what is left after that is asked for the next time.
TRADING_SECONDS = 60
_MOST_PAGES = 500


@dataclass(frozen=True)
class CcxtTrading(AccountClients):
    """Implements ``TradingGateway``. Requests of one account follow each other."""

    deadline_seconds: float = TRADING_SECONDS

    def fetch_fills(
        self, request: TradingRequest, questions: Sequence[FillsQuestion]
    ) -> list[Told[ReadFill] | Reason]:
        """See ``TradingGateway.fetch_fills``."""

        async def ask(asking: "_Asking") -> list[Told[ReadFill] | Reason]:
            return [
                await asking.answered(
                    asking.all_of(
                        each.call,
                        asking.reader.fills,
                        each.since,
                        each.until,
                        instrument=each.instrument,
                    )
                )
                for each in questions
            ]

        return run_to_its_end(self._ask(request, ask)) if questions else []

    def fetch_client_ids(
        self, request: TradingRequest, questions: Sequence[OrderQuestion]
    ) -> list[str | Reason]:
        """See ``TradingGateway.fetch_client_ids``."""

        async def ask(asking: "_Asking") -> list[str | Reason]:
            return [await asking.answered(asking.client_id_of(each)) for each in questions]

        return run_to_its_end(self._ask(request, ask)) if questions else []

    def fetch_positions(
        self, request: TradingRequest, calls: Sequence[Call[PositionFields]]
    ) -> list[Told[ReadPosition] | Reason]:
        """See ``TradingGateway.fetch_positions``."""

        async def ask(asking: "_Asking") -> list[Told[ReadPosition] | Reason]:
            at = now()  # no call for positions is of a span
            return [
                await asking.answered(asking.all_of(call, asking.reader.positions, at, at))
                for call in calls
            ]

        return run_to_its_end(self._ask(request, ask)) if calls else []

    def fetch_flows(
        self,
        request: TradingRequest,
        calls: Sequence[Call[FlowFields]],
        *,
        since: datetime,
        until: datetime,
    ) -> list[Told[ReadFlow] | Reason]:
        """See ``TradingGateway.fetch_flows``."""

        async def ask(asking: "_Asking") -> list[Told[ReadFlow] | Reason]:
            return [
                await asking.answered(asking.all_of(call, asking.reader.flows, since, until))
                for call in calls
            ]

        return run_to_its_end(self._ask(request, ask)) if calls else []

    async def _ask(
        self, request: TradingRequest, ask: Callable[["_Asking"], Awaitable[_Found]]
    ) -> _Found:
        import aiohttp

        built_client(request.account.venue.id)  # importing ccxt is not in its time
        connector = aiohttp.TCPConnector(ssl=tls_context(), limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            asking = _Asking(self, request, session, self.deadline())
            try:
                return await ask(asking)
            finally:
                asking.close()


class _Asking:
    """The requests of one account and pool, one after the other."""

    def __init__(
        self,
        clients: CcxtTrading,
        request: TradingRequest,
        session: "aiohttp.ClientSession",
        deadline: float,
    ) -> None:
        account = request.account
        self._clients, self._request, self._session = clients, request, session
        self._deadline = deadline
        self._line = clients.line(account, request.pool)
        # Failures here are not failures of balances, and so pause nothing of them.
        self._own_line = clients.own_line(self._line)
        self._exchange: Any = None
        trading = trading_of(account.venue.id)
        named = code_of(built_client(account.venue.id), account.currency)
        known = Instruments(request.instruments, trading.naming, named)
        self.reader = Reader(account.venue, account.currency, known, named, trading.order_ids)

    def close(self) -> None:
        """Give the session back: it is shared."""
        if self._exchange is not None:
            self._exchange.session = None  # otherwise ccxt complains that it was not closed

    async def answered(self, asked: Awaitable[_Found]) -> _Found | Reason:
        """What is asked, or why there is no answer."""
        venue = self._request.account.venue
        try:
            async with asyncio.timeout_at(self._deadline):
                found = await asked
        except (Exception, asyncio.CancelledError) as error:  # the others go on
            if is_cancelled_by_the_caller(error):
                raise
            self._learn_from_failure()
            if isinstance(error, BalanceUnavailable):
                return error.reason
            reason = reason_for(error, venue, self._clients.deadline_seconds)
            if self._exchange is None:
                # No client could be made: the credentials are of a wrong form.
                return Reason(Code.CREDENTIALS_MALFORMED, reason.figures)
            return reason
        self._clients.politeness.succeeded(self._own_line)
        return found

    async def all_of(
        self,
        call: Call[Any],
        read: _Read[_Row],
        since: datetime,
        until: datetime,
        *,
        instrument: Instrument | None = None,
    ) -> Told[_Row]:
        """What one call tells of a span.

        Raises:
            BalanceUnavailable: A part of it cannot be had.
        """
        told: Told[_Row] = Told()
        waiting = [(since, until)]
        if has_span(call.params):
            waiting = list(parts_of(since, until, call.span))[::-1]
        while waiting:
            span = waiting.pop()
            found = await self._pages(call, read, span, instrument)
            if found is None:
                halves = halves_of(span, call) if has_span(call.params) else None
                if halves is None:
                    raise bad_answer(self._venue, "more than a page in one moment")
                waiting += halves[::-1]
            else:
                told = _joined(told, found)
        if not has_span(call.params) and since == until:
            return told  # of now
        return Told(tuple(row for row in told.rows if since <= _at(row) < until), told.unread)

    async def client_id_of(self, question: OrderQuestion) -> str:
        """The client order id of one order.

        Raises:
            BalanceUnavailable: The answer is about no order.
        """
        call = question.call.order
        assert call is not None, "others are not asked"
        params = order_arguments(call, question.instrument, question.order_id)
        answer = await self._send(call, params)
        return client_id_in(answer, call, self._venue, self.reader.order_ids)

    @property
    def _venue(self) -> str:
        return self._request.account.venue.id

    async def _pages(
        self, call: Call[Any], read: _Read[_Row], span: Span, instrument: Instrument | None
    ) -> Told[_Row] | None:
        """All pages of one span; None where only shorter spans can have all."""
        account = self._request.account
        params = arguments(
            call,
            span,
            instrument=instrument,
            currency=account.currency,
            api_key=account.credentials.api_key.strip(),
        )
        pages = call.pages
        told: Told[_Row] = Told()
        for number in range(1, _MOST_PAGES):
            answer = await self._send(call, params)
            here = read(answer, call)
            told = _joined(told, here)
            size = sum(1 for _ in rows_of(answer, call, self._venue))
            if pages.cursor:
                cursor = read_along(answer, pages.cursor)
                is_last = not size or (pages.of_last_row and size < pages.size)
                if is_last or cursor in (None, "", params.get(pages.param)):
                    return told
                params[pages.param] = cursor
            elif size < pages.size:
                return told
            elif not pages.param:
                return None
            elif pages.back or pages.by_page:
                # A full page may tell nothing that is booked, such as orders without a fill.
                first = earliest_in(answer, call, self._venue)
                if first is not None and first < span[0]:
                    return told
                if pages.back and first is None:
                    raise bad_answer(self._venue, "a page without a time")
                after = number + 1 if first is None or pages.by_page else iso(first)
                if after == params.get(pages.param):
                    break
                params[pages.param] = after
            else:
                params[pages.param] = number * pages.size
        raise bad_answer(self._venue, "more pages than can be read")

    async def _send(self, call: Call[Any] | OrderCall, params: dict[str, Any]) -> Any:
        """The raw answer to one request, when it is its turn."""
        from ccxt.base import errors

        exchange = await self._turn(call.weight)
        ask = getattr(exchange, call.method)
        try:
            answer = await ask(dict(params))
        except errors.InvalidNonce as refusal:
            if not await self._clients.put_clock_right(exchange, self._line):
                # If the clock is right, the key is wrong.
                raise (refusal.__cause__ or refusal) from None
            answer = await ask(dict(params))
        if exchange.cached_seconds * 1000 > OLDEST_MILLISECONDS:
            raise BalanceUnavailable(
                Code.ANSWER_OLD, venue=self._venue, pool=self._request.pool.value
            )
        return answer

    async def _turn(self, weight: int) -> Any:
        """A client, when a request may be sent that makes no balance wait.

        Raises:
            BalanceUnavailable: That is not before the deadline, or the venue is left alone.
        """
        refusal = self._clients.refusal(self._line, may_try=False) or self._clients.refusal(
            self._own_line, may_try=True
        )
        if refusal is not None:
            raise BalanceUnavailable(refusal.code, **refusal.figures)
        if self._exchange is None:
            self._exchange = self._clients.client(self._request.account, self._session)
        pace = self._request.account.venue.call(
            self._request.pool, self._request.account.currency
        ).pace
        await self._clients.take_spare_turn(
            self._line, self._own_line, weight, pace, self._deadline
        )
        return self._exchange

    def _learn_from_failure(self) -> None:
        exchange = self._exchange
        if exchange is None or not exchange.has_asked:
            self._clients.untried(self._own_line)
        elif exchange.refused_with is not None and exchange.refused_with[1] is not None:
            self._clients.failed(self._line, exchange)  # the venue asks to be left alone
            exchange.refused_with = None
        else:
            self._clients.politeness.failed(self._own_line, now())


def _joined(earlier: Told[_Row], later: Told[_Row]) -> Told[_Row]:
    """Both, each row once: pages and spans overlap."""
    unread: tuple[Unread, ...] = tuple(dict.fromkeys((*earlier.unread, *later.unread)))
    return Told(tuple(dict.fromkeys((*earlier.rows, *later.rows))), unread)


def _at(row: Any) -> datetime:
    moment: datetime = row.executed_at if isinstance(row, ReadFill) else row.occurred_at
    return moment

"""The responder: one request to a venue's endpoint, from its signature to its answer or fault."""

import asyncio
import json
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from html import escape
from typing import Any

from aiohttp import web

from capital.domain.pools import Pool
from capital.simulator.endpoint import Endpoint, Notice
from capital.simulator.faults import AMOUNT_FAULTS, Fault, falsify, with_bare_nan
from capital.simulator.holdings import Holdings
from capital.simulator.markets import MarketPlace
from capital.simulator.refusals import RETRY_AFTER_SECONDS, Problem, Refusals
from capital.simulator.signatures import SignedRequest
from capital.simulator.state import ExchangeState, SimulatedAccount, Visit
from capital.simulator.venues import ROOTS, VENUES, pools_of_venue

_REFUSALS = {
    Fault.UNAUTHORIZED: Problem.UNAUTHORIZED,
    Fault.BANNED: Problem.BANNED,
    Fault.RATE_LIMITED: Problem.RATE_LIMITED,
    Fault.SERVER_ERROR: Problem.SERVER_ERROR,
}
# The later of two venues at one path comes first: its requests would pass for the other's, not the
# other way round. Who names no key at all has asked the earlier one.
_BALANCES = tuple(
    balance for venue in reversed(list(VENUES.values())) for balance in venue.balances
)
_DRIP_SECONDS = 0.2
_OLD_MILLISECONDS = 3_600_000
_PAGE = (
    "<!DOCTYPE html><html><head><title>Maintenance</title></head>"
    "<body><h1>We will be back soon</h1><p>{request_line} ({api_key})</p></body></html>"
)


_RESTRICTED = "Service unavailable from a restricted location according to our terms."
_BLOCKED_PAGE = (
    "<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied</title></head>"
    "<body><h1>403 ERROR</h1><p>The distribution is configured to block access from your country."
    "</p></body></html>"
)


@dataclass(frozen=True)
class AskedRequest:
    """One request that reached a venue's endpoint, whether or not it was answered.

    ``api_key`` is what it claims, None where it claims none.
    """

    venue: str
    pool: Pool
    api_key: str | None
    path: str


class OldResponse(web.Response):
    """A response that keeps the time in its ``Date`` header, as one from a cache."""


class Responder:
    """Answers for every venue, from one state.

    Args:
        state: What it answers from.
        latency_seconds: Before every answer.
        requests: Where it notes what was asked of balances.
        questions: Where it notes what was asked about trading.
        place: What things cost.
        closing: Set when the server stops: what hangs is cut then.
        clock_ahead_milliseconds: How far the venues' clocks are ahead of this machine's.
    """

    def __init__(
        self,
        state: ExchangeState,
        *,
        latency_seconds: float,
        requests: list[AskedRequest],
        closing: asyncio.Event,
        questions: list[AskedRequest] | None = None,
        place: MarketPlace | None = None,
        clock_ahead_milliseconds: int = 0,
    ) -> None:
        self.state = state
        self.latency_seconds = latency_seconds
        self._questions = [] if questions is None else questions
        self._place = place or MarketPlace()
        self._clock_ahead_milliseconds = clock_ahead_milliseconds
        self._requests = requests
        self._closing = closing

    async def answer(self, request: web.Request, *, root: str) -> web.StreamResponse:
        """Check who asks, then do what the state says.

        Args:
            request: At a balance's path.
            root: What that path begins with, as in ``ROOTS``.
        """
        signed = await self.signed(request, root=root)
        now = signed.received_at_milliseconds
        endpoint, api_key = self._endpoint_of(_route_of(request), signed, root)
        self._requests.append(AskedRequest(endpoint.venue, endpoint.pool, api_key, signed.path))
        await asyncio.sleep(self.latency_seconds)

        account = self.state.find(api_key)
        if account is not None and account.venue != endpoint.venue:
            account = None
        problem = _problem(endpoint, signed, api_key, account)
        if problem is not None or account is None:
            return self.refused(endpoint.refusals, problem or Problem.UNKNOWN_KEY, api_key, signed)

        visit = self.state.visit(account, endpoint.pool, self._place.price)
        suffered = await self.suffered(visit.fault, request, signed, endpoint.refusals, account)
        if suffered is not None:
            return suffered
        is_old = visit.fault is Fault.OLD_ANSWER
        text = _body(endpoint, account, visit, now - (_OLD_MILLISECONDS if is_old else 0))
        return self.spoiled(text, visit.fault, signed)

    async def suffered(
        self,
        fault: Fault | None,
        request: web.Request,
        signed: SignedRequest,
        refusals: Refusals,
        account: SimulatedAccount,
    ) -> web.StreamResponse | None:
        """What comes in place of an answer while ``fault`` stands; None: the answer."""
        if fault in (Fault.TIMEOUT, Fault.DRIP):
            return await self._hang(request, drips=fault is Fault.DRIP)
        if fault is Fault.RESET:
            return _reset(request)
        if fault in _REFUSALS:
            return self.refused(refusals, _REFUSALS[fault], account.api_key, signed)
        if fault is Fault.BLOCKED:
            return web.json_response({"code": 0, "msg": _RESTRICTED}, status=451)
        if fault is Fault.BLOCKED_PAGE:
            return web.Response(text=_BLOCKED_PAGE, status=403, content_type="text/html")
        if fault is Fault.HTML:
            page = _PAGE.format(
                request_line=escape(_request_line(signed)), api_key=escape(account.api_key)
            )
            return web.Response(text=page, content_type="text/html")
        return None

    def spoiled(self, text: str, fault: Fault | None, signed: SignedRequest) -> web.Response:
        """The answer, as ``fault`` lets it out."""
        is_old = fault is Fault.OLD_ANSWER
        now = signed.received_at_milliseconds - (_OLD_MILLISECONDS if is_old else 0)
        if fault is Fault.EMPTY_OBJECT:
            text = "{}"
        if fault is Fault.TRUNCATED:
            text = text[: len(text) // 2]
        kind = OldResponse if is_old else web.Response
        return kind(
            text=text,
            headers={"Date": formatdate(now // 1000, usegmt=True)},
            content_type="application/json",
        )

    def note_question(self, venue: str, api_key: str | None, signed: SignedRequest) -> None:
        """Somebody asked about trading."""
        pool = pools_of_venue(venue)[0]
        self._questions.append(AskedRequest(venue, pool, api_key, signed.path))

    def refused(
        self, refusals: Refusals, problem: Problem, api_key: str | None, signed: SignedRequest
    ) -> web.Response:
        """The venue's no."""
        return _refuse_with(refusals, problem, api_key, signed)

    async def notify(self, request: web.Request, *, notice: Notice, root: str) -> web.Response:
        """Answer what is no balance."""
        signed = await self.signed(request, root=root)
        if notice.scheme is not None and notice.refusals is not None:
            api_key = notice.scheme.claimed_key(signed)
            account = self.state.find(api_key)
            problem = Problem.UNKNOWN_KEY
            if account is not None:
                found = notice.scheme.problem(signed, account)
                if found is None and notice.of_account is not None:
                    return _json(notice.of_account(account))
                if found is None:
                    return _json(notice.build(signed.received_at_milliseconds))
                problem = found
            return _refuse_with(notice.refusals, problem, api_key, signed)
        return _json(notice.build(signed.received_at_milliseconds))

    async def signed(self, request: web.Request, *, root: str) -> SignedRequest:
        """What of ``request`` is signed: without ``root``, which no venue has in its paths."""
        now = time.time_ns() // 1_000_000 + self._clock_ahead_milliseconds
        body = await request.text()
        return SignedRequest(
            request.method, request.raw_path.removeprefix(root), request.headers, now, body
        )

    def _endpoint_of(
        self, path: str, signed: SignedRequest, root: str
    ) -> tuple[Endpoint, str | None]:
        """The endpoint that ``path`` means, by the account that signed, and the claimed key."""
        candidates = [
            endpoint
            for endpoint in _BALANCES
            if root + endpoint.path == path and root in ("", ROOTS[endpoint.venue])
        ]
        accepting = [endpoint for endpoint in candidates if endpoint.accepts(signed)] or candidates
        claims = [(endpoint, endpoint.scheme.claimed_key(signed)) for endpoint in accepting]
        owned = []
        for endpoint, api_key in claims:
            account = self.state.find(api_key)
            if account is not None and account.venue == endpoint.venue:
                owned.append((endpoint, api_key))
                if endpoint.pool in account.pools:
                    return endpoint, api_key
        if owned:
            return owned[0]
        return next((claim for claim in claims if claim[1]), claims[-1])

    async def _hang(self, request: web.Request, *, drips: bool) -> web.StreamResponse:
        if not drips:
            await self._closing.wait()
            return _reset(request)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b"{")
        while not self._closing.is_set():
            # White space never makes it complete.
            await response.write(b" ")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _DRIP_SECONDS)
        return _reset(request)


def _reset(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        # Lingering for no time makes closing a reset (RST) in place of an end (FIN).
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


def _problem(
    endpoint: Endpoint,
    signed: SignedRequest,
    api_key: str | None,
    account: SimulatedAccount | None,
) -> Problem | None:
    if api_key is None:
        return Problem.NO_KEY
    if account is None:
        return Problem.UNKNOWN_KEY
    return endpoint.scheme.problem(signed, account)


def _refuse_with(
    refusals: Refusals, problem: Problem, api_key: str | None, signed: SignedRequest
) -> web.Response:
    status, body = refusals.answer(
        problem,
        api_key=api_key,
        request_line=_request_line(signed),
        now_milliseconds=signed.received_at_milliseconds,
    )
    headers = (
        {"Retry-After": str(RETRY_AFTER_SECONDS[status])} if status in RETRY_AFTER_SECONDS else {}
    )
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(status=status, text=text, headers=headers, content_type="application/json")


def _json(body: Any) -> web.Response:
    return web.Response(text=json.dumps(body, ensure_ascii=False), content_type="application/json")


def _route_of(request: web.Request) -> str:
    """The path of the route that took ``request``: parts that vary stand as ``{…}``."""
    resource = request.match_info.route.resource
    return request.path if resource is None else resource.canonical


def _request_line(signed: SignedRequest) -> str:
    return f"{signed.method} {signed.target}"


def _body(endpoint: Endpoint, account: SimulatedAccount, visit: Visit, now: int) -> str:
    if visit.recorded is not None and visit.fault not in AMOUNT_FAULTS:
        body: Any = visit.recorded
    else:
        amounts = falsify(visit.amounts, fault=visit.fault, currency=account.currency)
        owner = 2 if visit.fault is Fault.WRONG_ACCOUNT else 1
        holdings = Holdings(
            account.currency, amounts, now, visit.unrealised, visit.in_use, owner, visit.positions
        )
        body = endpoint.build(holdings)
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if visit.fault is Fault.NAN:
        return with_bare_nan(text)
    return text

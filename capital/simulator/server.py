"""The server: simulated accounts over real HTTP, in a thread and an event loop of its own.

    with SimulatedExchange(ExchangeState.from_json(DEMO_ACCOUNTS)) as exchange:
        ...  # send the venues' requests to exchange.base_url

Only whoever serves imports this module: it needs aiohttp.
"""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from email.utils import formatdate
from functools import partial
from typing import Self

from aiohttp import web

from capital.simulator.control import add_control_routes
from capital.simulator.endpoint import SimulatedVenue
from capital.simulator.markets import MarketPlace
from capital.simulator.orders.order import PlacedOrder
from capital.simulator.orders.served import placing_handler
from capital.simulator.orders.venues import ORDERS
from capital.simulator.public import Handler, price_setter, public_handler
from capital.simulator.responder import AskedRequest, OldResponse, Responder
from capital.simulator.signatures import SignedRequest
from capital.simulator.state import ExchangeState
from capital.simulator.trading.served import question_handler
from capital.simulator.trading.venues import TRADING
from capital.simulator.venues import ROOTS, VENUES

__all__ = ["AskedRequest", "SimulatedExchange"]

_Accepts = Callable[[SignedRequest], bool] | None

_SHUTDOWN_SECONDS = 1.0
_BACKLOG = 1024


class SimulatedExchange:
    """Every simulated venue at one base URL, while the context lasts.

    Leaving the context cuts the connections that still hang.

    Args:
        state: What it answers from; may change while it serves.
        latency_seconds: Before every answer of a venue.
        host: To listen on.
        port: 0 is any free one.
        clock_ahead_milliseconds: How far the venues' clocks are ahead of this machine's.
    """

    def __init__(
        self,
        state: ExchangeState,
        latency_seconds: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
        clock_ahead_milliseconds: int = 0,
    ) -> None:
        self.state = state
        self.market_place = MarketPlace()
        self._clock_ahead_milliseconds = clock_ahead_milliseconds
        self._latency_seconds = latency_seconds
        self._host = host
        self._port = port
        self._requests: list[AskedRequest] = []
        self._questions: list[AskedRequest] = []
        self._orders: list[PlacedOrder] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None

    @property
    def base_url(self) -> str:
        """``http://host:port``, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    @property
    def venue_urls(self) -> dict[str, str]:
        """Venue to base URL: what ``CAPITAL_VENUE_URLS`` wants, as JSON."""
        return {venue: self.base_url + ROOTS[venue] for venue in sorted(VENUES)}

    @property
    def requests(self) -> list[AskedRequest]:
        """What balances were asked for so far, in order; a copy."""
        return list(self._requests)

    @property
    def questions(self) -> list[AskedRequest]:
        """What was asked about trading so far, in order; a copy."""
        return list(self._questions)

    @property
    def orders(self) -> list[PlacedOrder]:
        """The orders that were placed so far, as their venues understand them; a copy."""
        return list(self._orders)

    def forget_requests(self) -> None:
        """Empty ``requests`` and ``questions``."""
        self._requests.clear()
        self._questions.clear()

    def start(self) -> None:
        """Serve; returns once connections are accepted.

        Raises:
            OSError: The host or the port cannot be listened on.
        """
        started: Future[int] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)),
            name="simulated-exchange",
            daemon=True,
        )
        self._thread.start()
        self._port = started.result()

    def stop(self) -> None:
        """Stop serving; returns once the thread is gone. Harmless when it does not serve."""
        if self._loop is not None and self._closing is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        if self._thread is not None:
            self._thread.join()
        self._thread = self._loop = self._closing = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _tell_time(self, _request: web.Request, response: web.StreamResponse) -> None:
        if not isinstance(response, OldResponse):
            response.headers["Date"] = date_header(
                time.time_ns() // 1_000_000 + self._clock_ahead_milliseconds
            )

    def _routes_of(
        self, venue: SimulatedVenue, root: str, responder: Responder, closing: asyncio.Event
    ) -> Iterator[tuple[str, str, _Accepts, Handler]]:
        """Method, path and handler of whatever ``venue`` answers, and which requests it takes."""
        for market in venue.markets:
            handler = public_handler(
                market, self.market_place, latency_seconds=self._latency_seconds, closing=closing
            )
            yield market.method, market.path, market.accepts, handler
        for placing in ORDERS[venue.id].placings:
            handler = placing_handler(
                placing,
                venue.id,
                responder=responder,
                place=self.market_place,
                root=root,
                orders=self._orders,
            )
            yield placing.method, placing.path, placing.accepts, handler
        for notice in venue.notices:
            handler = partial(responder.notify, notice=notice, root=root)
            yield notice.method, notice.path, None, handler
        for question in (*TRADING[venue.id].questions, *ORDERS[venue.id].questions):
            handler = question_handler(
                question, venue.id, responder=responder, place=self.market_place, root=root
            )
            yield question.method, question.path, question.accepts, handler
        for balance in venue.balances:
            handler = partial(responder.answer, root=root)
            yield balance.method, balance.path, None, handler

    def _add_routes(
        self, app: web.Application, responder: Responder, closing: asyncio.Event
    ) -> None:
        """Let ``app`` answer for every venue; at one path, the first that takes a request does."""
        routes: dict[tuple[str, str, str], list[tuple[_Accepts, Handler]]] = defaultdict(list)
        for venue in VENUES.values():
            # At the server's own root, too: there a key tells who is asked for a balance.
            for root in dict.fromkeys((ROOTS[venue.id], "")):
                for method, path, accepts, handler in self._routes_of(
                    venue, root, responder, closing
                ):
                    routes[method, root, path].append((accepts, handler))
        for (method, root, path), choices in routes.items():
            app.router.add_route(method, root + path, _chooser(choices, responder, root))

    async def _serve(self, started: "Future[int]") -> None:
        closing = asyncio.Event()
        responder = Responder(
            self.state,
            latency_seconds=self._latency_seconds,
            requests=self._requests,
            closing=closing,
            questions=self._questions,
            place=self.market_place,
            clock_ahead_milliseconds=self._clock_ahead_milliseconds,
        )
        app = web.Application()
        app.on_response_prepare.append(self._tell_time)
        add_control_routes(app, self.state)
        app.router.add_post("/simulator/prices", price_setter(self.market_place))
        self._add_routes(app, responder, closing)
        # A client that gives up takes its hanging handler with it.
        runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS
        )
        try:
            await runner.setup()
            site = web.TCPSite(runner, self._host, self._port, backlog=_BACKLOG)
            await site.start()
            self._loop, self._closing = asyncio.get_running_loop(), closing
            started.set_result(runner.addresses[0][1])
            await closing.wait()
            await _accept_no_more(site)
        except OSError as error:
            started.set_exception(error)
        finally:
            if not started.done():
                started.set_exception(RuntimeError("the simulated exchange did not start."))
            await runner.cleanup()


async def _accept_no_more(site: web.TCPSite) -> None:
    """Let what was accepted last be made before its server closes.

    Python 3.11 forgets such a connection, and leaves it open: its server asserts that it serves.
    """
    server = site._server  # aiohttp has no other way to its sockets
    loop = asyncio.get_running_loop()
    for listening in server.sockets if isinstance(server, asyncio.Server) else ():
        loop.remove_reader(listening.fileno())
    for _ in range(2):
        await asyncio.sleep(0)


def _chooser(
    choices: Sequence[tuple[_Accepts, Handler]], responder: Responder, root: str
) -> Handler:
    """The first of ``choices`` that accepts a request answers it."""
    if choices[0][0] is None:
        return choices[0][1]

    async def choose(request: web.Request) -> web.StreamResponse:
        signed = await responder.signed(request, root=root)
        handle = next(handle for accepts, handle in choices if accepts is None or accepts(signed))
        return await handle(request)

    return choose


def date_header(now_milliseconds: int) -> str:
    """What ``Date`` says at that time of the venues' clock."""
    return formatdate(now_milliseconds // 1000, usegmt=True)

"""Public: the simulated venues' endpoints that need no key, over HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault
from capital.simulator.markets import MarketPlace
from capital.simulator.wire import PUBLIC_ENDPOINTS, PublicEndpoint

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS = {
    Fault.UNAUTHORIZED: 401,
    Fault.BANNED: 418,
    Fault.RATE_LIMITED: 429,
    Fault.SERVER_ERROR: 500,
}


def add_public_routes(
    app: web.Application, place: MarketPlace, *, latency_seconds: float, closing: asyncio.Event
) -> None:
    """Market lists and tickers of every venue, and ``/simulator/prices`` to change a price."""
    for endpoint in PUBLIC_ENDPOINTS:
        app.router.add_get(
            endpoint.path,
            _handler(endpoint, place, latency_seconds=latency_seconds, closing=closing),
        )
    app.router.add_post("/simulator/prices", _price_setter(place))


def _handler(
    endpoint: PublicEndpoint,
    place: MarketPlace,
    *,
    latency_seconds: float,
    closing: asyncio.Event,
) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        place.note(request.path_qs)
        await asyncio.sleep(latency_seconds)
        fault = place.fault
        if fault in (Fault.TIMEOUT, Fault.DRIP):
            await closing.wait()
            return web.Response()
        if fault in _STATUS:
            return web.json_response({"code": -1, "msg": "no"}, status=_STATUS[fault])
        if fault is Fault.HTML:
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if fault is Fault.EMPTY_OBJECT:
            return web.json_response({})
        answer = endpoint.answer(request.query, place)
        if answer is None:
            return web.json_response(
                {"code": -1121, "msg": "Invalid symbol.", "error": {"name": "not_found"}},
                status=400,
            )
        return web.json_response(answer, dumps=_dumps)

    return handle


def _price_setter(place: MarketPlace) -> _Handler:
    async def set_price(request: web.Request) -> web.Response:
        try:
            change = await request.json()
            if not isinstance(change, dict) or set(change) != {"pair", "price"}:
                raise SimulatorError('send {"pair": "BTC/USDT", "price": "61234.5"}.')
            place.set_price(change["pair"], change["price"])
        except (SimulatorError, ValueError, TypeError) as error:
            message = str(error) if isinstance(error, SimulatorError) else "that is not JSON."
            return web.json_response({"error": message}, status=400)
        return web.json_response({"pair": change["pair"], "price": change["price"]})

    return set_price


def _dumps(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)

"""Public: the simulated venues' endpoints that need no key, over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from capital.simulator.endpoint import PublicEndpoint
from capital.simulator.errors import SimulatorError
from capital.simulator.faults import Fault
from capital.simulator.markets import MarketPlace, as_json

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUS = {
    Fault.UNAUTHORIZED: 401,
    Fault.BANNED: 418,
    Fault.RATE_LIMITED: 429,
    Fault.SERVER_ERROR: 500,
}


def public_handler(
    endpoint: PublicEndpoint,
    place: MarketPlace,
    *,
    latency_seconds: float,
    closing: asyncio.Event,
) -> Handler:
    """Answers ``endpoint`` from ``place``; what hangs is cut when ``closing`` is set."""

    async def handle(request: web.Request) -> web.StreamResponse:
        place.note(request.path_qs)
        await asyncio.sleep(latency_seconds)
        fault = place.fault_at(endpoint.path + endpoint.part)
        if fault in (Fault.TIMEOUT, Fault.DRIP):
            await closing.wait()
            return web.Response()
        if fault in _STATUS:
            return web.json_response({"code": -1, "msg": "no"}, status=_STATUS[fault])
        if fault is Fault.HTML:
            return web.Response(text="<html>maintenance</html>", content_type="text/html")
        if fault is Fault.EMPTY_OBJECT:
            return web.json_response({})
        answer = endpoint.answer(await _question(request), place)
        if answer is None:
            return web.json_response(
                {"code": -1121, "msg": "Invalid symbol.", "error": {"name": "not_found"}},
                status=400,
            )
        return web.json_response(answer, dumps=as_json)

    return handle


async def _question(request: web.Request) -> dict[str, str]:
    """What is asked for, in the path, the query or a body of JSON."""
    body = await request.json() if request.can_read_body else {}
    return {**request.match_info, **request.query, **body}


def price_setter(place: MarketPlace) -> Handler:
    """Changes a price: ``/simulator/prices``."""

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

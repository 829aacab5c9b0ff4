"""Orders, over HTTP: from the signature to what became of them."""

from typing import TYPE_CHECKING

from aiohttp import web

from capital.simulator.markets import MarketPlace, as_json
from capital.simulator.orders.order import NotTaken, PlacedOrder
from capital.simulator.orders.ordering import Placing
from capital.simulator.trading.served import Asker, Handler, asker_of, params_of

if TYPE_CHECKING:
    from capital.simulator.responder import Responder


def placing_handler(
    placing: Placing,
    venue: str,
    *,
    responder: "Responder",
    place: MarketPlace,
    root: str,
    orders: list[PlacedOrder],
) -> Handler:
    """Takes the order of the account that signed; notes in ``orders`` what was asked for."""

    async def handle(request: web.Request) -> web.StreamResponse:
        asker = await asker_of(placing, request, venue, responder, root)
        if not isinstance(asker, Asker):
            return asker
        now = asker.signed.received_at_milliseconds
        placed = placing.read(await params_of(request))
        orders.append(placed)
        try:
            order = responder.state.place_order(asker.account.api_key, placed, place.price, now)
        except NotTaken as error:
            status, body = placing.refused(error.trouble, now)
            return web.Response(text=as_json(body), status=status, content_type="application/json")
        return responder.spoiled(as_json(placing.answer(order, now)), asker.fault, asker.signed)

    return handle

"""Questions about trading, over HTTP: from the signature to the answer, or to a fault."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from capital.simulator.accounts import SimulatedAccount
from capital.simulator.faults import Fault
from capital.simulator.markets import MarketPlace, as_json
from capital.simulator.orders.ordering import Placing
from capital.simulator.refusals import Problem
from capital.simulator.signatures import SignedRequest
from capital.simulator.trading.question import Asked, Question, Refused

if TYPE_CHECKING:
    from capital.simulator.responder import Responder

Handler = Callable[[web.Request], Any]


@dataclass(frozen=True)
class Asker:
    """Who asked, with what, and what stands on the pool behind it."""

    account: SimulatedAccount
    signed: SignedRequest
    fault: Fault | None


async def asker_of(
    endpoint: Question | Placing,
    request: web.Request,
    venue: str,
    responder: "Responder",
    root: str,
) -> Asker | web.StreamResponse:
    """Who asks, or the venue's no, or what comes in place of an answer."""
    signed = await responder.signed(request, root=root)
    api_key = endpoint.scheme.claimed_key(signed)
    responder.note_question(venue, api_key, signed)
    await asyncio.sleep(responder.latency_seconds)
    account = responder.state.find(api_key)
    if account is not None and account.venue != venue:
        account = None
    problem = Problem.NO_KEY if api_key is None else Problem.UNKNOWN_KEY
    found = problem if account is None else endpoint.scheme.problem(signed, account)
    if account is None or found is not None:
        return responder.refused(endpoint.refusals, found or problem, api_key, signed)
    pool = endpoint.pool if endpoint.pool in account.pools else account.pools[0]
    fault = responder.state.lasting_fault(account, pool)
    suffered = await responder.suffered(fault, request, signed, endpoint.refusals, account)
    return suffered if suffered is not None else Asker(account, signed, fault)


def question_handler(
    question: Question, venue: str, *, responder: "Responder", place: MarketPlace, root: str
) -> Handler:
    """Answers ``question`` from what the account that signed has traded."""

    async def handle(request: web.Request) -> web.StreamResponse:
        asker = await asker_of(question, request, venue, responder, root)
        if not isinstance(asker, Asker):
            return asker
        now = asker.signed.received_at_milliseconds
        asked = Asked(
            params=await params_of(request),
            book=responder.state.book_of(asker.account, place.price),
            pools=asker.account.pools,
            now_milliseconds=now,
            place=place,
        )
        try:
            answer = question.answer(asked)
        except Refused as refusal:
            body = question.refusals.body(refusal.code, refusal.text, now)
            return web.json_response(body, status=refusal.status)
        return responder.spoiled(as_json(answer), asker.fault, asker.signed)

    return handle


async def params_of(request: web.Request) -> dict[str, Any]:
    """What was sent in the path, the query and the body; a list in the body is ``orders``."""
    text = await request.text()
    body: Any = json.loads(text) if text[:1] in ("{", "[") else dict(parse_qsl(text))
    if isinstance(body, list):
        body = {"orders": body}
    return {**request.match_info, **request.query, **body}

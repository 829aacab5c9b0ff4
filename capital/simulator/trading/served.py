"""Questions about trading, over HTTP: from the signature to the answer, or to a fault."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

from capital.simulator.markets import MarketPlace, as_json
from capital.simulator.refusals import Problem
from capital.simulator.trading.question import Asked, Question, Refused

if TYPE_CHECKING:
    from capital.simulator.responder import Responder

Handler = Callable[[web.Request], Any]


def question_handler(
    question: Question, venue: str, *, responder: "Responder", place: MarketPlace, root: str
) -> Handler:
    """Answers ``question`` from what the account that signed has traded."""

    async def handle(request: web.Request) -> web.StreamResponse:
        signed = await responder.signed(request, root=root)
        api_key = question.scheme.claimed_key(signed)
        responder.note_question(venue, api_key, signed)
        await asyncio.sleep(responder.latency_seconds)
        account = responder.state.find(api_key)
        if account is not None and account.venue != venue:
            account = None
        problem = Problem.NO_KEY if api_key is None else Problem.UNKNOWN_KEY
        found = problem if account is None else question.scheme.problem(signed, account)
        if account is None or found is not None:
            return responder.refused(question.refusals, found or problem, api_key, signed)
        pool = question.pool if question.pool in account.pools else account.pools[0]
        fault = responder.state.lasting_fault(account, pool)
        suffered = await responder.suffered(fault, request, signed, question.refusals, account)
        if suffered is not None:
            return suffered
        asked = Asked(
            params=await _params(request),
            book=responder.state.book_of(account),
            pools=account.pools,
            now_milliseconds=signed.received_at_milliseconds,
            place=place,
        )
        try:
            answer = question.answer(asked)
        except Refused as refusal:
            body = question.refusals.body(
                refusal.code, refusal.text, signed.received_at_milliseconds
            )
            return web.json_response(body, status=refusal.status)
        return responder.spoiled(as_json(answer), fault, signed)

    return handle


async def _params(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    body: Any = json.loads(text) if text[:1] == "{" else dict(parse_qsl(text))
    return {**request.match_info, **request.query, **body}

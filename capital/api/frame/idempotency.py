"""``Idempotency-Key``: a repeated POST gets the first response again."""

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Protocol

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from capital.services.access import Answer, claim_request, keep_answer, release_claim

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

Handler = Callable[..., HttpResponseBase]


class Answering(Protocol):
    """A view that can turn an error into a response.

    Attributes:
        keeps_answer: False where nothing is on record of what was answered: the next use of the
            key tries again.
    """

    run_key: str | None
    keeps_answer: bool

    @property
    def answers_with_work(self) -> bool:
        """Whether the answer is kept in the transaction of the work, of which it is the proof."""

    def handle_exception(self, exc: Exception) -> Response:
        """The problem as a response. Errors that are bugs are raised again."""

    def check_replay(self, answer: Mapping[str, Any]) -> None:
        """Raises ``NotFound`` where the caller no longer sees what the answer is about."""

    def present(self, answer: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first answer as it is repeated: what may change since is told as it is now."""


def idempotent(view: Answering, handler: Handler, caller: str, key: str) -> Handler:
    """Wrap ``handler`` so that a second use of ``key`` by ``caller`` replays the first response.

    ``view.run_key`` is set while the handler works, so that a retry after a crash finds the
    allocation run of the first attempt. Where nothing else would know of it, the answer is kept
    in the transaction of the work (``view.answers_with_work``).
    """

    def answer(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        claim = claim_request(caller, key, fingerprint(request))
        if claim.answer is not None:
            return _replayed(view, claim.answer)
        view.run_key = claim.run_key
        try:
            try:
                # Whoever dies leaves both, or neither.
                with transaction.atomic() if view.answers_with_work else nullcontext():
                    response = handler(request, *args, **kwargs)
                    made = _answer(response)
                    if view.keeps_answer:
                        keep_answer(claim, made)
                    else:
                        release_claim(claim)
            except Exception as error:  # noqa: BLE001  # a refusal is a response too
                response = view.handle_exception(error)
                made = _answer(response)
                if made.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    release_claim(claim)
                else:
                    keep_answer(claim, made)
        except BaseException:
            release_claim(claim)
            raise
        return _http(made, like=response)

    return answer


def _replayed(view: Answering, answer: Answer) -> HttpResponse:
    """The first answer again, as long as the caller may see what it is about."""
    if 200 <= answer.status < 300 and answer.body:
        first = json.loads(answer.body)
        view.check_replay(first)
        present = view.present(first)
        if present != first:
            answer = replace(answer, body=JSONRenderer().render(present).decode())
    return _http(answer, replayed=True)


def fingerprint(request: Request) -> str:
    """A hash of method, URL and parsed body, which a repeated request must match."""
    body = json.dumps(request.data, sort_keys=True, default=str)
    text = f"{request.method} {request.get_full_path()}\n{body}"
    return hashlib.sha256(text.encode()).hexdigest()


def _answer(response: HttpResponseBase) -> Answer:
    if isinstance(response, Response):
        content = JSONRenderer().render(response.data) if response.data is not None else b""
        content_type = response.content_type or "application/json"
        return Answer(response.status_code, content_type, content.decode())
    assert isinstance(response, HttpResponse)
    return Answer(response.status_code, response["Content-Type"], response.content.decode())


def _http(
    answer: Answer, *, replayed: bool = False, like: HttpResponseBase | None = None
) -> HttpResponse:
    response = HttpResponse(answer.body, content_type=answer.content_type, status=answer.status)
    if like is not None:
        for name, value in like.headers.items():
            response.headers.setdefault(name, value)
    if replayed:
        response[REPLAYED_HEADER] = "true"
    return response

"""The webhook: receives an order signal and responds with order sizes."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from capital.addresses import client_address
from capital.api.frame.base import FIELDS, check_query, refusal
from capital.api.frame.filters import read_switch
from capital.api.frame.idempotency import HEADER
from capital.api.frame.parsers import LARGEST_BODY, JsonAlways, parse_json
from capital.api.frame.parts import in_part, parts_of, wanted_parts
from capital.api.frame.problems import PayloadTooLarge
from capital.api.frame.throttles import AddressThrottle, StrategyThrottle
from capital.api.shapes.answers import HookAnswer
from capital.api.shapes.bodies import HookBody, read_signal_wish, unknown_field
from capital.domain.errors import (
    AddressNotAllowed,
    DeliveryArchived,
    DeliveryConflict,
    SizingError,
    WebhookRefused,
)
from capital.domain.sizing.words import INFORMATIVE, placeholder_in
from capital.models import WebhookSecret
from capital.services.sizing import Wish
from capital.services.webhooks import (
    MOST_ORDERS,
    Delivery,
    Moment,
    Proof,
    check_network,
    check_proof,
    holds_secret,
    receive_signal,
    record_refusal,
    try_signal,
)

TIMESTAMP = "X-Capital-Timestamp"
NONCE = "X-Capital-Nonce"
SIGNATURE = "X-Capital-Signature"
DRY_RUN = "dry_run"
_CHALLENGE = 'Webhook realm="capital"'
_LONGEST_ID = 100
# What several orders may share.
_SHARED = frozenset({"symbol", "reserve", "expires_in"})
# Where the secret stands in a body that is no JSON.
_TOKEN = re.compile(rb'"token"\s*:\s*"(?P<token>[!#-\[\]-~]{1,200})"')
# What a caller that knows the secret is refused for, and would otherwise never find again.
# Not ``DeliveryInProgress``: that signal is being worked on, and recorded.
_REFUSALS = (
    ValidationError,
    ParseError,
    SizingError,
    AddressNotAllowed,
    DeliveryConflict,
    DeliveryArchived,
)

_SIGNATURE_HEADERS = [
    OpenApiParameter(
        TIMESTAMP,
        str,
        OpenApiParameter.HEADER,
        description="Current Unix time in seconds, at most 300 s off.",
    ),
    OpenApiParameter(
        NONCE,
        str,
        OpenApiParameter.HEADER,
        description="8 to 100 characters, different for each request.",
    ),
    OpenApiParameter(
        SIGNATURE,
        str,
        OpenApiParameter.HEADER,
        description=(
            "Hexadecimal HMAC-SHA256 of `timestamp.nonce.body`, with the raw request body. The "
            "key is the hexadecimal SHA-256 of the secret."
        ),
    ),
]


_PARAMETERS = [
    *_SIGNATURE_HEADERS,
    OpenApiParameter(
        HEADER,
        {"type": "string", "maxLength": _LONGEST_ID},
        OpenApiParameter.HEADER,
        description=(
            "Identifies the signal where the body has no `id`. Without a limit of time, the same "
            "one gets the first response, and with another body it is refused with 409."
        ),
    ),
    OpenApiParameter(
        FIELDS,
        str,
        description=(
            "Return only these parts of the response, separated by commas: "
            f"{', '.join(parts_of(HookAnswer()))}. It is recorded in full."
        ),
    ),
    OpenApiParameter(
        DRY_RUN,
        bool,
        description=(
            "`true`: answer what this signal would get now. Nothing is allocated, reserved or "
            "recorded; `delivery` is null."
        ),
    ),
]


@method_decorator(gzip_page, name="dispatch")
class Hooks(APIView):
    """The webhook of one strategy, for callers that know its secret."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [AddressThrottle]
    content_negotiation_class = JsonAlways

    @extend_schema(
        operation_id="deliver_hook",
        summary="Deliver an order signal",
        tags=["hooks"],
        auth=[],
        request=HookBody,
        responses={200: HookAnswer},
        parameters=_PARAMETERS,
    )
    def post(self, request: Request, key: str, name: str = "") -> Response:
        """Reallocate the strategy's capital if needed, then size every order on every account.

        Send the webhook's secret as `token` in the body, as TradingView can, or sign the request.
        The address of a new webhook has a random name at its end, and only this one reaches it:
        `hooks/{key}/{name}/`.
        A repeated signal (the same `id`, or without one the same body within 60 seconds) gets the
        first response.
        """
        began = Moment.now()
        call = _Call(request)
        secret = call.proved(key, name)
        throttle = StrategyThrottle(key)
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait() or 1)
        address = client_address(request)
        try:
            check_network(secret, address)
            # A slip in the name of the trial run must not make an order of it.
            check_query(request, (FIELDS, DRY_RUN))
            is_trial = read_switch(request, DRY_RUN)
            wanted = wanted_parts(request.query_params.get(FIELDS), HookAnswer())
            delivery = call.delivery()
            if is_trial:
                answer = try_signal(secret, delivery, began=began)
            else:
                answer = receive_signal(secret, delivery, address=address, began=began)
            return Response(in_part(answer, wanted))
        except _REFUSALS as error:
            if request.query_params.get(DRY_RUN) != "true":
                refused = self.handle_exception(error)
                record_refusal(
                    secret, body=call.body, refusal=refused.data, address=address, nonce=call.nonce
                )
            raise

    def handle_exception(self, exc: Exception) -> Response:
        """Send ``WWW-Authenticate`` with a 401."""
        if isinstance(exc, WebhookRefused):
            exc.auth_header = _CHALLENGE  # type: ignore[attr-defined]
        return super().handle_exception(exc)


class NamedHooks(Hooks):
    """The same webhook, at the address that ends in its random name."""

    @extend_schema(
        operation_id="deliver_named_hook",
        summary="Deliver an order signal by the webhook's name",
        tags=["hooks"],
        auth=[],
        request=HookBody,
        responses={200: HookAnswer},
        parameters=_PARAMETERS,
    )
    def post(self, request: Request, key: str, name: str = "") -> Response:
        """As `hooks/{key}/`, at the address that a new webhook is given."""
        return super().post(request, key, name)


class _Call:
    """What came: the body, and the proof that its sender knows the secret.

    Attributes:
        body: The JSON without its token; the text, where it is no JSON object.
        error: Why it is no JSON object; None where it is one.
    """

    def __init__(self, request: Request) -> None:
        raw = _body_of(request)
        self.body: dict[str, Any] | str = raw.decode("utf-8", "replace")
        self.error: ValidationError | ParseError | None = None
        self._header = request.headers.get(HEADER, "")
        token: Any = ""
        try:
            body = parse_json(raw, lenient=True)
            if not isinstance(body, dict):
                raise ValidationError(_("The request body must be a JSON object."))
            token = body.pop("token", "")
            self.body = body
        except (ValidationError, ParseError) as error:
            self.error = error
            # The sender is trusted if the secret is there, whatever else is broken.
            if found := _TOKEN.search(raw):
                token = found["token"].decode("ascii")
        headers = request.headers
        signature = headers.get(SIGNATURE, "")
        self.proof = Proof(
            token=token if isinstance(token, str) and not signature else "",
            timestamp=headers.get(TIMESTAMP, ""),
            nonce=headers.get(NONCE, ""),
            signature=signature.removeprefix("sha256="),
            body=raw,
        )

    @property
    def nonce(self) -> str:
        """Of a signed call; empty for another."""
        return self.proof.nonce if self.proof.is_signed else ""

    def proved(self, key: str, name: str) -> WebhookSecret:
        """The webhook's secret. Who does not know it, and sent no JSON, is told so."""
        try:
            return check_proof(key, self.proof, name=name)
        except WebhookRefused:
            if self.error is None:
                raise
            raise self.error from None

    def delivery(self) -> Delivery:
        """The signal that it asks to process. Raises what is wrong with it."""
        if self.error is not None:
            raise self.error
        assert isinstance(self.body, dict)
        if holds_secret(self.body):
            # It would be kept, and answered.
            raise ValidationError(_("A webhook's secret may be sent as token only."))
        wishes, named = _wishes_of(self.body), _id_of(self.body, self._header)
        # The same for every signal, it would tell none apart: what it says counts as the rest.
        is_filled = not placeholder_in(named)
        return Delivery(
            body={k: value for k, value in self.body.items() if k != "id" or not is_filled},
            orders=[wish.order for wish in wishes],
            holds={n: wish.hold for n, wish in enumerate(wishes) if wish.hold is not None},
            delivery_id=named if is_filled else "",
            nonce=self.nonce,
        )


def _body_of(request: Request) -> bytes:
    """The raw body, whatever its content type: TradingView sends JSON as plain text."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise PayloadTooLarge
    raw: bytes = request._request.body
    if len(raw) > LARGEST_BODY:
        raise PayloadTooLarge
    return raw


def _id_of(body: Mapping[str, Any], header: str) -> str:
    given = body.get("id", header)
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if not isinstance(given, str) or len(given) > _LONGEST_ID or not (given + " ").isprintable():
        raise refusal("id", _("Must be a string of at most 100 printable characters."))
    return given


def _wishes_of(body: Mapping[str, Any]) -> list[Wish]:
    """The body as one order, or its ``orders``, which may share what stands beside them."""
    body = {name: value for name, value in body.items() if name != "id"}
    if "orders" not in body:
        return [read_signal_wish(body)]
    orders = body.pop("orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= MOST_ORDERS:
        raise refusal("orders", _("Must contain 1 to %(most)s orders.") % {"most": MOST_ORDERS})
    unknown = sorted(set(body) - _SHARED - INFORMATIVE)
    if unknown:
        raise unknown_field(unknown[0], _SHARED | {"token", "id", "orders"})
    return [_wish_at(position, body, order) for position, order in enumerate(orders)]


def _wish_at(position: int, shared: Mapping[str, Any], order: Any) -> Wish:
    place = f"orders.{position}"
    if not isinstance(order, dict):
        raise refusal(place, _("The request body must be a JSON object."))
    try:
        return read_signal_wish({**shared, **order})
    except SizingError as error:
        error.field = f"{place}.{error.field}"
        raise
    except ValidationError as error:
        # It names its field.
        detail: Any = error.detail
        raise ValidationError(
            {f"{place}.{field}": faults for field, faults in detail.items()}
        ) from None

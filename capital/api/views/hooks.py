"""The webhook: receives an order signal and responds with order sizes."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from capital.addresses import client_address
from capital.api.frame.base import refusal
from capital.api.frame.idempotency import HEADER
from capital.api.frame.parsers import LARGEST_BODY, parse_json
from capital.api.frame.problems import PayloadTooLarge
from capital.api.frame.throttles import AddressThrottle, StrategyThrottle
from capital.api.shapes.answers import HookAnswer
from capital.api.shapes.bodies import HookBody, read_order
from capital.domain.errors import SizingError, WebhookRefused
from capital.domain.sizing.orders import OrderRequest
from capital.services.webhooks import MOST_ORDERS, Delivery, Proof, check_proof, receive_signal

TIMESTAMP = "X-Capital-Timestamp"
NONCE = "X-Capital-Nonce"
SIGNATURE = "X-Capital-Signature"
_CHALLENGE = 'Webhook realm="capital"'
_LONGEST_ID = 100

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


class Hooks(APIView):
    """The webhook of one strategy, for callers that know its secret."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [AddressThrottle]

    @extend_schema(
        operation_id="deliver_hook",
        summary="Deliver an order signal",
        tags=["hooks"],
        auth=[],
        request=HookBody,
        responses={200: HookAnswer},
        parameters=_SIGNATURE_HEADERS,
    )
    def post(self, request: Request, key: str) -> Response:
        """Reallocate the strategy's capital if needed, then size every order on every account.

        Send the webhook's secret as `token` in the body, as TradingView can, or sign the request.
        A repeated signal (the same `id`, or without one the same body within 60 seconds) gets the
        first response.
        """
        raw = _body_of(request)
        headers = request.headers
        signature = headers.get(SIGNATURE, "")
        body = parse_json(raw)
        if not isinstance(body, dict):
            raise ValidationError(_("The request body must be a JSON object."))
        token = body.pop("token", "")
        proof = Proof(
            token=token if isinstance(token, str) and not signature else "",
            timestamp=headers.get(TIMESTAMP, ""),
            nonce=headers.get(NONCE, ""),
            signature=signature.removeprefix("sha256="),
            body=raw,
        )
        secret = check_proof(key, proof)
        throttle = StrategyThrottle(key)
        if not throttle.allow_request(request, self):
            self.throttled(request, throttle.wait() or 1)
        delivery = Delivery(
            body={name: value for name, value in body.items() if name != "id"},
            orders=_orders_of(body),
            delivery_id=_id_of(body, headers.get(HEADER, "")),
            nonce=proof.nonce if proof.is_signed else "",
        )
        return Response(receive_signal(secret, delivery, address=client_address(request)))

    def handle_exception(self, exc: Exception) -> Response:
        """Send ``WWW-Authenticate`` with a 401."""
        if isinstance(exc, WebhookRefused):
            exc.auth_header = _CHALLENGE  # type: ignore[attr-defined]
        return super().handle_exception(exc)


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


def _orders_of(body: Mapping[str, Any]) -> list[OrderRequest]:
    """The body as one order, or its ``orders``, which may share its ``symbol``."""
    body = {name: value for name, value in body.items() if name != "id"}
    if "orders" not in body:
        return [read_order(body)]
    orders = body.pop("orders")
    if not isinstance(orders, list) or not 1 <= len(orders) <= MOST_ORDERS:
        raise refusal("orders", _("Must contain 1 to %(most)s orders.") % {"most": MOST_ORDERS})
    unknown = sorted(set(body) - {"symbol"})
    if unknown:
        raise refusal(unknown[0][:100], _("Unknown field."), "unknown_field")
    return [_order_at(position, body, order) for position, order in enumerate(orders)]


def _order_at(position: int, shared: Mapping[str, Any], order: Any) -> OrderRequest:
    if not isinstance(order, dict):
        raise refusal(f"orders.{position}", _("The request body must be a JSON object."))
    try:
        return read_order({**shared, **order})
    except SizingError as error:
        error.field = f"orders.{position}.{error.field}"
        raise

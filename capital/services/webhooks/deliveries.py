"""A delivery, and which one of those that are the same does the work."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction

from capital.domain.clock import Clock
from capital.domain.errors import DeliveryConflict, DeliveryInProgress
from capital.domain.sizing.orders import OrderRequest
from capital.models import WebhookAnswer, WebhookDelivery, WebhookSecret
from capital.services.webhooks.secrets import use_nonce

# How long the same body is the same delivery, where the sender gives no id.
SAME_FOR = timedelta(seconds=60)
_WAIT = timedelta(milliseconds=2700)
# Whoever began has died since: the work is done anew, under the same run key.
_GIVEN_UP_AFTER = timedelta(seconds=30)
_PAUSE_SECONDS = 1 / 20


@dataclass(frozen=True)
class Delivery:
    """What was sent, checked and without its token.

    Attributes:
        body: As JSON, for the record.
        orders: 1 to 30, each checked.
        delivery_id: The sender's, at most 100 characters; empty where it gave none.
        nonce: Of a signed call; empty where the secret itself was shown.
    """

    body: Mapping[str, Any]
    orders: Sequence[OrderRequest]
    delivery_id: str = ""
    nonce: str = ""

    @property
    def fingerprint(self) -> str:
        """What two deliveries without an id share where they are the same."""
        text = json.dumps(self.body, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def _claim(
    secret: WebhookSecret, delivery: Delivery, address: str, clock: Clock
) -> tuple[WebhookDelivery, bool]:
    """The delivery's row, and whether it is ours to work on. One at a time for a strategy."""
    with transaction.atomic():
        WebhookSecret.objects.select_for_update(no_key=True).get(pk=secret.pk)
        now = clock()
        if delivery.nonce:
            use_nonce(secret, delivery.nonce, now=now)
        known = WebhookDelivery.objects.filter(strategy=secret.strategy)
        if delivery.delivery_id:
            same = known.filter(delivery_id=delivery.delivery_id).first()
        else:
            same = known.filter(
                fingerprint=delivery.fingerprint, delivery_id="", received_at__gt=now - SAME_FOR
            ).first()
        if same is not None:
            if same.fingerprint != delivery.fingerprint:
                raise DeliveryConflict(delivery=delivery.delivery_id)
            return same, False
        row = WebhookDelivery.objects.create(
            strategy=secret.strategy,
            delivery_id=delivery.delivery_id,
            fingerprint=delivery.fingerprint,
            body=json.loads(json.dumps(delivery.body, default=str)),
            address=address,
            is_signed=bool(delivery.nonce),
            received_at=now,
        )
        return row, True


def _await_answer(
    row: WebhookDelivery, clock: Clock, pause: Callable[..., None]
) -> dict[str, Any] | None:
    """The first answer; None where whoever began has given up, and the work is ours."""
    until = clock() + _WAIT
    while True:
        answer = WebhookAnswer.objects.filter(delivery=row).first()
        if answer is not None:
            return dict(answer.body)
        now = clock()
        if now - row.received_at > _GIVEN_UP_AFTER:
            return None
        if now >= until:
            raise DeliveryInProgress
        pause(_PAUSE_SECONDS)

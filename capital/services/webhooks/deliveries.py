"""Deliveries of a webhook: of those that are the same, one does the work, the others wait."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from capital.domain.clock import Clock, SteadyClock
from capital.domain.errors import DeliveryArchived, DeliveryConflict, DeliveryInProgress
from capital.domain.money import parse_amount
from capital.domain.reasons import Code
from capital.domain.sizing.targets import Asked, asked_for
from capital.domain.sizing.words import in_plain_words
from capital.models import ArchivedDelivery, WebhookAnswer, WebhookDelivery, WebhookSecret
from capital.services.clocks import clock_difference, steady_clock
from capital.services.happened import SignalRefused, say
from capital.services.sizing.reserving import HOLD_FIELDS, Hold
from capital.services.webhooks.readers import told_to_owner
from capital.services.webhooks.secrets import use_nonce
from strategies.models import Strategy

# Without an id from the sender, the same body within this time is the same delivery.
SAME_FOR = timedelta(seconds=60)
# A little less than the three seconds that a caller is promised.
_WAIT = timedelta(milliseconds=2700)
# A delivery without an answer after this time was interrupted: somebody else does it again, under
# the same run key.
_GIVEN_UP_AFTER = timedelta(seconds=30)
# Sooner, for those who look every half a minute: within a minute it is answered. If somebody still
# works on it, one of the two answers counts.
_SWEPT_AFTER = timedelta(seconds=20)
_PAUSE_SECONDS = 1 / 20
# What is told of orders that a signal which was accepted led to none of.
_TOLD = frozenset({Code.POSITION_UNKNOWN.value, Code.SIGNAL_LATE.value})
# The fields of an order that are numbers, which JSON has as text.
_NUMBERS = frozenset({"qty_per", "qty", "risk_per", "stake", "leverage", "price", "stop_price"})


@dataclass(frozen=True)
class Delivery:
    """What was sent, checked and without its token.

    Attributes:
        body: The JSON that is stored with the delivery. An id is in it only where that says
            nothing, because a placeholder is left in it.
        orders: 1 to 30, each checked.
        holds: By the place of an order in ``orders``: how its capital is to be held.
        delivery_id: The sender's id, at most 100 characters; empty where it gave none.
        nonce: The nonce of a signed call; empty where the secret itself was shown.
    """

    body: Mapping[str, Any]
    orders: Sequence[Asked]
    delivery_id: str = ""
    nonce: str = ""
    holds: Mapping[int, Hold] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """A digest of the body: equal for two deliveries of the same content."""
        text = json.dumps(self.body, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def claim_delivery(
    secret: WebhookSecret, delivery: Delivery, *, address: str, clock: Clock
) -> tuple[WebhookDelivery, bool]:
    """Record the delivery, or find the earlier one that is the same.

    Returns:
        The delivery's row, and whether it is new: then the work is the caller's.

    Raises:
        WebhookRefused: The nonce was used before.
        DeliveryConflict: The id was used with another body.
        DeliveryArchived: The id was used so long ago that the answer is in a file.
    """
    with transaction.atomic():
        # Deliveries of one strategy take turns here.
        WebhookSecret.objects.select_for_update(no_key=True).get(pk=secret.pk)
        now = clock()
        if delivery.nonce:
            use_nonce(secret, delivery.nonce, now=now)
        earlier = _same_delivery(secret.strategy, delivery, now=now)
        if earlier is None:
            return _record(secret.strategy, delivery, address=address, now=now), True
        if earlier.fingerprint != delivery.fingerprint:
            raise DeliveryConflict(delivery=delivery.delivery_id)
        return earlier, False


def stored_delivery(row: WebhookDelivery) -> Delivery:
    """What was sent, from its row: its orders were checked when it was accepted."""
    shared = {name: value for name, value in row.body.items() if name not in ("id", "orders")}
    orders = [{**shared, **order} for order in row.body.get("orders", [{}])]
    holds = {number: hold for number, order in enumerate(orders) if (hold := _stored_hold(order))}
    return Delivery(
        row.body, [_stored_order(order) for order in orders], row.delivery_id, holds=holds
    )


def interrupted_deliveries(*, now: datetime, within: timedelta) -> QuerySet[WebhookDelivery]:
    """The deliveries of this time that nobody answers any more, oldest first."""
    return WebhookDelivery.objects.filter(
        answer__isnull=True,
        refusal__isnull=True,
        received_at__gt=now - within,
        received_at__lt=now - _SWEPT_AFTER,
    ).order_by("pk")


def _stored_order(values: Mapping[str, Any]) -> Asked:
    fields, meant = in_plain_words(
        {name: value for name, value in values.items() if name not in HOLD_FIELDS}
    )
    given: dict[str, Any] = {
        name: parse_amount(value) if name in _NUMBERS and value is not None else value
        for name, value in fields.items()
    }
    return asked_for(given, meant)


def _stored_hold(values: Mapping[str, Any]) -> Hold | None:
    if not values.get("reserve"):
        return None
    given = {name: values[name] for name in ("expires_in", "client_order_id") if name in values}
    return Hold(**given)


def await_answer(
    row: WebhookDelivery,
    *,
    clock: Clock,
    pause: Callable[..., None],
    steady: SteadyClock = steady_clock,
) -> WebhookAnswer | None:
    """Wait for the answer to an earlier delivery.

    Args:
        row: The delivery.
        clock: Says what time it is.
        pause: Waits a number of seconds.
        steady: Measures how long it waits.

    Returns:
        The answer; None where whoever began has given up, and the work is the caller's.

    Raises:
        DeliveryInProgress: There is no answer in time.
    """
    began = steady()
    while True:
        waited = steady() - began
        answer: WebhookAnswer | None = WebhookAnswer.objects.filter(delivery=row).first()
        if answer is not None:
            return answer
        if _is_given_up(row, clock()):
            return None
        if waited >= _WAIT:
            raise DeliveryInProgress
        pause(_PAUSE_SECONDS)


def keep_answer(
    row: WebhookDelivery,
    body: dict[str, Any],
    *,
    clock: Clock,
    accounts: Mapping[str, Sequence[int | None]] | None = None,
) -> dict[str, Any]:
    """Store the answer. Returns the one that counts: the first that was stored.

    Args:
        row: The delivery.
        body: Its answer.
        clock: Says what time it is.
        accounts: As ``WebhookAnswer.accounts`` has them.
    """
    try:
        with transaction.atomic():
            now = clock()
            WebhookAnswer.objects.create(
                delivery=row, body=body, accounts=dict(accounts or {}), answered_at=now
            )
            # Who sent it reads no answer, and something was not ordered that was meant to be.
            codes = {size["code"] for size in body.get("sizes", ())}
            for code in _TOLD & codes:
                say(SignalRefused(row, code), now=now)
    except IntegrityError:
        # Somebody else took the delivery over and was quicker.
        return told_to_owner(WebhookAnswer.objects.get(delivery=row), row.strategy)
    return body


def _is_given_up(row: WebhookDelivery, now: datetime) -> bool:
    """Whether whoever began must have ended, or nobody can tell: the clock was set back."""
    age = now - row.received_at
    return not -clock_difference() <= age <= _GIVEN_UP_AFTER


def _same_delivery(
    strategy: Strategy, delivery: Delivery, *, now: datetime
) -> WebhookDelivery | None:
    known = WebhookDelivery.objects.filter(strategy=strategy, refusal__isnull=True)
    if delivery.delivery_id:
        earlier = known.filter(delivery_id=delivery.delivery_id).first()
        if earlier is None:
            _require_not_archived(strategy, delivery)
        return earlier
    # What has a later time was sent before the clock was set back: who knows how long before.
    return known.filter(
        fingerprint=delivery.fingerprint,
        delivery_id="",
        received_at__gt=now - SAME_FOR,
        received_at__lte=now + clock_difference(),
    ).first()


def _require_not_archived(strategy: Strategy, delivery: Delivery) -> None:
    archived = ArchivedDelivery.objects.filter(
        strategy=strategy, delivery_id=delivery.delivery_id
    ).first()
    if archived is None:
        return
    if archived.fingerprint != delivery.fingerprint:
        raise DeliveryConflict(delivery=delivery.delivery_id)
    received_at = timezone.localtime(archived.received_at).isoformat()
    raise DeliveryArchived(delivery=delivery.delivery_id, received_at=received_at)


def _record(
    strategy: Strategy, delivery: Delivery, *, address: str, now: datetime
) -> WebhookDelivery:
    return WebhookDelivery.objects.create(
        strategy=strategy,
        delivery_id=delivery.delivery_id,
        fingerprint=delivery.fingerprint,
        body=json.loads(json.dumps(delivery.body, default=str)),
        address=address,
        is_signed=bool(delivery.nonce),
        received_at=now,
    )

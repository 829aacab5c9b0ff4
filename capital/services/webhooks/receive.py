"""A delivered signal: make sure that capital is right, then say what may be ordered.

It answers within three seconds. A balance that an exchange does not give in time is answered
from the daily summary, and the answer says so. The same delivery gets the first answer.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from capital.domain.balances import Source, reading_text
from capital.domain.clock import Clock
from capital.domain.errors import DeliveryConflict, DeliveryInProgress
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.orders import OrderRequest
from capital.models import (
    StrategyAccount,
    Trigger,
    WebhookAnswer,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.allocation.allocate import DueResult, reallocate_where_due
from capital.services.sentences import sentence
from capital.services.sizing.orders import size_orders
from capital.services.webhooks.secrets import use_nonce

MOST_ORDERS = 30
# How long the same body is the same delivery, where the sender gives no id.
SAME_FOR = timedelta(seconds=60)
# Of the three seconds: for balances, for prices; the rest is ours.
BALANCE_PATIENCE = timedelta(milliseconds=1300)
PRICE_PATIENCE = timedelta(milliseconds=900)
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


def receive(
    secret: WebhookSecret,
    delivery: Delivery,
    *,
    address: str = "",
    clock: Clock = timezone.now,
    pause: Callable[..., None] = time.sleep,
) -> dict[str, Any]:
    """Allocate the strategy's accounts where that is due, and size every order on each of them.

    Call it outside a transaction. Of deliveries that are the same, one does the work; the
    others wait for its answer.

    Args:
        secret: Shown to be known by the caller.
        delivery: What was sent.
        address: Where it came from, for the record.
        clock: Says what time it is.
        pause: Waits a number of seconds.

    Returns:
        The answer as JSON: ``delivery``, ``strategy``, ``received_at``, ``allocations``,
        ``sizes``, ``warnings``.

    Raises:
        WebhookRefused: The nonce was used before.
        DeliveryConflict: The id was used with another body.
        DeliveryInProgress: The first answer is not there yet.
    """
    row, is_new = _claim(secret, delivery, address, clock)
    if not is_new:
        answer = _await_answer(row, clock, pause)
        if answer is not None:
            return answer
    body = _work(row, delivery, clock)
    try:
        with transaction.atomic():
            WebhookAnswer.objects.create(delivery=row, body=body, answered_at=clock())
    except IntegrityError:
        # Another one took over and was quicker; there is one answer.
        body = WebhookAnswer.objects.get(delivery=row).body
    return body


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


def _work(row: WebhookDelivery, delivery: Delivery, clock: Clock) -> dict[str, Any]:
    links = list(
        StrategyAccount.objects.filter(
            strategy=row.strategy, is_active=True, account__is_active=True
        )
        .order_by("pk")
        .values_list("pk", "account_id")
    )
    results = reallocate_where_due(
        [account_id for _, account_id in links],
        trigger=Trigger.WEBHOOK,
        run_key=f"webhook:{row.pk}",
        patience=BALANCE_PATIENCE,
        clock=clock,
    )
    sizes = size_orders(
        [pk for pk, _ in links], delivery.orders, patience=PRICE_PATIENCE, clock=clock
    )
    return {
        "delivery": row.pk,
        "strategy": row.strategy.key,
        "received_at": timezone.localtime(row.received_at).isoformat(),
        "allocations": [_allocation(result) for result in results],
        "sizes": [answer.as_json() for answer in sizes],
        "warnings": [
            {"code": reason.code.value, "reason": sentence(reason)}
            for result in results
            for reason in _not_live(result)
        ],
    }


def _allocation(result: DueResult) -> dict[str, Any]:
    return {
        "account": result.account.name,
        "outcome": None if result.run is None else result.run.outcome,
        "code": result.reason.code.value,
        "reason": sentence(result.reason),
        "run": None if result.run is None else result.run.pk,
        "balances": [
            {
                "pool": pool.value,
                "amount": reading_text(reading, result.account.currency) or None,
                "source": reading.source.value,
                "observed_at": None
                if reading.observed_at is None
                else timezone.localtime(reading.observed_at).isoformat(),
            }
            for pool, reading in result.readings.items()
        ],
    }


def _not_live(result: DueResult) -> list[Reason]:
    """What the answer rests on although it is not of now."""
    return [
        Reason(
            Code.BALANCE_NOT_LIVE,
            {
                "account": result.account.name,
                "pool": pool.value,
                "cause": reading.reason.code.value,
                "observed_at": timezone.localtime(reading.observed_at).isoformat(),
            },
        )
        for pool, reading in result.readings.items()
        if reading.source is Source.CACHED and reading.observed_at is not None
    ]

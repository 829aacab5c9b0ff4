"""A delivered signal: make sure that capital is right, then say what may be ordered.

It answers within three seconds. A balance that an exchange does not give in time is answered
from the daily summary, and the answer says so. The same delivery gets the first answer.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from capital.domain.balances import Source, reading_text
from capital.domain.clock import Clock
from capital.domain.reasons import Code, Reason
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
from capital.services.webhooks.deliveries import Delivery, _await_answer, _claim

MOST_ORDERS = 30
# Of the three seconds: for balances, for prices; the rest is ours.
BALANCE_PATIENCE = timedelta(milliseconds=1300)
PRICE_PATIENCE = timedelta(milliseconds=900)


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

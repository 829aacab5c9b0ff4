"""Answering a webhook: reallocate where that is due, then size the orders that it brought.

It answers within three seconds of the request, whatever the number of accounts. Where an exchange
does not give a balance in time, the daily summary's is used, and the answer says so. The same
delivery again gets the first answer.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from capital.domain.balances import Source, reading_text
from capital.domain.clock import Clock, SteadyClock
from capital.domain.reasons import Code, Reason
from capital.domain.sizing.words import placeholder_in, sent_at
from capital.exchange.moments import Moment
from capital.models import (
    USUAL_LAG_SECONDS,
    Account,
    StrategyAccount,
    Trigger,
    WebhookDelivery,
    WebhookSecret,
)
from capital.services.access.roles import Act, allowed_to
from capital.services.allocation.allocate import DueResult, reallocate_where_due
from capital.services.clocks import steady_clock
from capital.services.sentences import sentence
from capital.services.sizing.orders import size_orders
from capital.services.sizing.reserving import ReservedOrder, Wish, reserve_orders
from capital.services.transactions import outside_transaction
from capital.services.webhooks.deliveries import (
    Delivery,
    await_answer,
    claim_delivery,
    keep_answer,
    stored_delivery,
)
from capital.services.webhooks.readers import told_to_owner, with_present_reservations
from capital.services.webhooks.secrets import use_nonce
from strategies.models import Strategy

logger = logging.getLogger(__name__)

MOST_ORDERS = 30
# Parts of the three seconds since the request: the rest is for the database and for our own work,
# which grows with the number of accounts.
BALANCE_PATIENCE = timedelta(milliseconds=1500)
PRICE_PATIENCE = timedelta(milliseconds=900)
_PRICES_BY = timedelta(milliseconds=2400)
_WORK_ON_ACCOUNT = timedelta(microseconds=800)
_LEAST_PATIENCE = timedelta(milliseconds=300)
_SECOND = timedelta(seconds=1)


@outside_transaction
def receive_signal(
    secret: WebhookSecret,
    delivery: Delivery,
    *,
    address: str = "",
    clock: Clock = timezone.now,
    pause: Callable[..., None] = time.sleep,
    began: Moment | None = None,
    steady: SteadyClock = steady_clock,
) -> dict[str, Any]:
    """Allocate the strategy's accounts where that is due, and size every order on each of them.

    Call it outside a transaction. Of deliveries that are the same, one does the work; the
    others wait for its answer. Accounts that the strategy's owner may not allocate are passed
    over, in the work and in every answer, and the answer counts them.

    Args:
        secret: The webhook's secret, which the caller has proved to know.
        delivery: What was sent.
        address: The caller's address, which is stored with the delivery.
        clock: Says what time it is.
        pause: Waits a number of seconds.
        began: When the request arrived; None for now.
        steady: Measures how long it waits.

    Returns:
        The answer as JSON: ``delivery``, ``strategy``, ``received_at``, ``allocations``,
        ``sizes``, ``warnings``.

    Raises:
        WebhookRefused: The nonce was used before.
        DeliveryConflict: The id was used with another body.
        DeliveryInProgress: The first answer is not there yet.
    """
    began = Moment.now() if began is None else began
    row, is_new = claim_delivery(secret, delivery, address=address, clock=clock)
    if not is_new:
        answer = await_answer(row, clock=clock, pause=pause, steady=steady)
        if answer is not None:
            # Since then an account may have been taken from the strategy's owner.
            return with_present_reservations(told_to_owner(answer, row.strategy), now=clock())
    body, accounts = _work(row, delivery, clock, began)
    return keep_answer(row, body, clock=clock, accounts=accounts)


@outside_transaction
def finish_delivery(row: WebhookDelivery, *, clock: Clock = timezone.now) -> dict[str, Any]:
    """Answer a delivery whose process died; the answer says that it is late.

    Call it outside a transaction. Whatever is wrong with the signal, it is answered, so that nobody
    tries it again and again.

    Args:
        row: A delivery that was accepted, with its strategy and owner.
        clock: Says what time it is.

    Returns:
        The answer that counts: another process may have been quicker.

    Raises:
        DatabaseError: It is to be tried again.
    """
    late = Reason(Code.ANSWERED_LATE, {"seconds": str((clock() - row.received_at) // _SECOND)})
    try:
        body, accounts = _work(row, stored_delivery(row), clock, Moment.now())
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001  # never its text: it may hold what was signed
        kind = type(error).__name__
        logger.error("The signal %s could not be processed (%s).", row.pk, kind)
        failure = Reason(Code.SIGNAL_FAILED, {"kind": kind})
        body, accounts = _answer_of(row, [], [], [(None, failure)])
    body["warnings"] = [_warning(late), *body["warnings"]]
    accounts["warnings"] = [None, *accounts["warnings"]]
    return keep_answer(row, body, clock=clock, accounts=accounts)


# The answer, and the account that each of its lines is about.
_Answer = tuple[dict[str, Any], dict[str, list[int | None]]]


def _work(row: WebhookDelivery, delivery: Delivery, clock: Clock, began: Moment) -> _Answer:
    links, passed_over = _links_of(row.strategy)
    results = reallocate_where_due(
        [account_id for _, account_id in links],
        trigger=Trigger.WEBHOOK,
        run_key=f"webhook:{row.pk}",
        until=began + balance_patience(len(links)),
        clock=clock,
    )
    patience, (late, told) = _price_patience(began), _lateness(row)
    link_ids = [pk for pk, _ in links]
    if delivery.holds:
        wishes = [Wish(order, delivery.holds.get(n)) for n, order in enumerate(delivery.orders)]
        sizes = reserve_orders(
            link_ids, wishes, key=f"webhook:{row.pk}", late=late, patience=patience, clock=clock
        )
    else:
        answers = size_orders(link_ids, delivery.orders, late=late, patience=patience, clock=clock)
        sizes = [ReservedOrder(answer) for answer in answers]
    warnings: list[tuple[int | None, Reason]] = [
        (result.account.pk, reason) for result in results for reason in _not_live(result)
    ]
    warnings += [(None, reason) for reason in (*_passed_over(passed_over), *_of_id(row), *told)]
    account_of = dict(links)
    sized = [
        (
            account_of[answer.size.link_id],
            answer.as_json(now=clock()) if delivery.holds else answer.size.as_json(),
        )
        for answer in sizes
    ]
    return _answer_of(row, results, sized, warnings)


@outside_transaction
def try_signal(
    secret: WebhookSecret,
    delivery: Delivery,
    *,
    clock: Clock = timezone.now,
    began: Moment | None = None,
) -> dict[str, Any]:
    """What a signal would be answered now. It allocates nothing, reserves nothing, records nothing.

    Call it outside a transaction. The nonce of a signed call is used up all the same.

    Args:
        secret: The webhook's secret, which the caller has proved to know.
        delivery: What was sent.
        clock: Says what time it is.
        began: When the request arrived; None for now.

    Returns:
        As ``receive_signal``, with ``delivery`` null and no allocations.

    Raises:
        WebhookRefused: The nonce was used before.
    """
    now = clock()
    if delivery.nonce:
        with transaction.atomic():
            use_nonce(secret, delivery.nonce, now=now)
    row = WebhookDelivery(strategy=secret.strategy, body=dict(delivery.body), received_at=now)
    links, passed_over = _links_of(row.strategy)
    late, told = _lateness(row)
    patience = _price_patience(Moment.now() if began is None else began)
    answers = size_orders(
        [pk for pk, _ in links], delivery.orders, late=late, patience=patience, clock=clock
    )
    account_of = dict(links)
    sizes = [(account_of[answer.link_id], answer.as_json()) for answer in answers]
    warnings = [(None, reason) for reason in (*_passed_over(passed_over), *_of_id(row), *told)]
    return _answer_of(row, [], sizes, warnings)[0]


def _links_of(strategy: Strategy) -> tuple[list[tuple[int, int]], int]:
    """The links that a signal is for, each with its account, and how many are passed over."""
    every = StrategyAccount.objects.filter(
        strategy=strategy, is_active=True, account__is_active=True
    )
    allowed = allowed_to(strategy.owner, Act.ALLOCATE, Account.objects.order_by())
    rows = every.annotate(is_allowed=Q(account__in=allowed.values("pk"))).order_by("pk")
    found = list(rows.values_list("pk", "account_id", "is_allowed"))
    links = [(pk, account_id) for pk, account_id, is_allowed in found if is_allowed]
    return links, len(found) - len(links)


def _lateness(row: WebhookDelivery) -> tuple[Reason | None, list[Reason]]:
    """Why the signal may enlarge nothing any more, and what is to be told of its delay."""
    try:
        sent = sent_at(row.body)
    except (ValueError, OverflowError, OSError):
        return None, [Reason(Code.TIMENOW_UNREADABLE)]
    if sent is None:
        return None, []
    secret = WebhookSecret.objects.filter(strategy=row.strategy).only("max_lag_seconds").first()
    limit = USUAL_LAG_SECONDS if secret is None else secret.max_lag_seconds
    seconds = (row.received_at - sent) // _SECOND
    if -seconds > limit:
        # By such a clock, or such a zone, no signal is ever late.
        return None, [Reason(Code.TIMENOW_AHEAD, {"seconds": str(-seconds)})]
    if seconds <= limit:
        return None, []
    late = Reason(Code.SIGNAL_LATE, {"seconds": str(seconds), "limit": str(limit)})
    return late, [late]


def _of_id(row: WebhookDelivery) -> list[Reason]:
    """That the signal's id tells it apart from no other; nothing where it does."""
    placeholder = placeholder_in(row.body.get("id"))
    return [Reason(Code.ID_NOT_FILLED, {"placeholder": placeholder})] if placeholder else []


def _answer_of(
    row: WebhookDelivery,
    results: Sequence[DueResult],
    sizes: Sequence[tuple[int, dict[str, Any]]],
    warnings: Sequence[tuple[int | None, Reason]],
) -> _Answer:
    body = {
        "delivery": row.pk,
        "strategy": row.strategy.key,
        "received_at": timezone.localtime(row.received_at).isoformat(),
        "allocations": [_allocation(result) for result in results],
        "sizes": [answer for _, answer in sizes],
        "warnings": [_warning(reason) for _, reason in warnings],
    }
    return body, {
        "allocations": [result.account.pk for result in results],
        "sizes": [account_id for account_id, _ in sizes],
        "warnings": [account_id for account_id, _ in warnings],
    }


def _warning(reason: Reason) -> dict[str, str]:
    return {"code": reason.code.value, "reason": sentence(reason)}


def balance_patience(accounts: int) -> timedelta:
    """How long after the request the balances of so many accounts may take."""
    return max(_LEAST_PATIENCE, BALANCE_PATIENCE - accounts * _WORK_ON_ACCOUNT)


def _price_patience(began: Moment) -> timedelta:
    """How long a venue may take for a price, now that the balances are decided."""
    return min(PRICE_PATIENCE, max(_LEAST_PATIENCE, (began + _PRICES_BY).left))


def _passed_over(count: int) -> list[Reason]:
    return [Reason(Code.ACCOUNTS_PASSED_OVER, {"count": str(count)})] if count else []


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
    """A warning for each balance that came from the daily summary."""
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

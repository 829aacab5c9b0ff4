"""The outbox: alerts are handed to the targets of whoever may see them, and sent one by one.

An alert is a row that is there once the change is that it tells. ``spread_alerts`` makes one
message for each target and kind out of all alerts that wait, so that many at once are one message.
``send_delivery`` sends one. Both are tasks; one that is lost or killed is asked for again by
``sweep_outbox``, so everything is sent at least once, and nothing waits for it but itself.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from capital.channels.contract import NotDelivered, send
from capital.domain.alerts import pause_after, quiet_until
from capital.domain.clock import Clock
from capital.domain.errors import CredentialsUnreadable
from capital.domain.reasons import Code, Reason
from capital.models import Alert, AlertDelivery, AlertKind, AlertTarget
from capital.services.access.visibility import visible_to
from capital.services.alerts.messages import compose
from capital.services.alerts.targets import address_of, request_test
from capital.services.alerts.tasks import request_sending, request_spreading
from capital.services.clocks import clock_difference
from capital.services.transactions import outside_transaction

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 500
# A sender that has not said how it went by then was killed: it may take a minute.
_CLAIM_LASTS = timedelta(minutes=3)


@outside_transaction
def spread_alerts(*, clock: Clock = timezone.now) -> int:
    """Hand the alerts that wait to the targets, and queue the messages. Returns how many there are.

    Call it outside a transaction. Who sees what an alert is about hears of it, and nobody else.
    """
    now = clock()
    with transaction.atomic():
        waiting = Alert.objects.select_for_update(no_key=True).filter(spread_at=None)
        alerts = list(waiting.order_by("pk")[:_MOST_AT_ONCE])
        if not alerts:
            return 0
        deliveries = _messages(alerts, now=now)
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(spread_at=now)
        for delivery in deliveries:
            if delivery.due_at is not None and delivery.due_at <= now:
                request_sending(delivery.pk)
        if len(alerts) == _MOST_AT_ONCE:
            request_spreading()
    return len(deliveries)


def _messages(alerts: Sequence[Alert], *, now: datetime) -> list[AlertDelivery]:
    targets = AlertTarget.objects.filter(is_active=True, user__is_active=True)
    of_users: dict[User, list[AlertTarget]] = defaultdict(list)
    for target in targets.select_related("user").order_by("pk"):
        of_users[target.user].append(target)
    parts: list[tuple[AlertDelivery, list[Alert]]] = []
    for user, of_user in of_users.items():
        heard = heard_by(user, alerts)
        for target in of_user:
            parts += [(_message(target, kind, now), told) for kind, told in _by_kind(target, heard)]
    rows = AlertDelivery.objects.bulk_create([delivery for delivery, _ in parts])
    through = AlertDelivery.alerts.through
    through._default_manager.bulk_create(
        through(alertdelivery_id=row.pk, alert_id=alert.pk)
        for row, (_, told) in zip(rows, parts, strict=True)
        for alert in told
    )
    return rows


def heard_by(user: User, alerts: Iterable[Alert]) -> list[Alert]:
    """Those of the alerts of which the user hears: what is theirs alone, or what they may see."""
    by_key = {alert.pk: alert for alert in alerts}
    rows = Alert.objects.filter(pk__in=by_key).filter(Q(addressee__isnull=True) | Q(addressee=user))
    keys = visible_to(user, rows).order_by("pk").distinct().values_list("pk", flat=True)
    return [by_key[key] for key in keys]


def _by_kind(target: AlertTarget, alerts: Iterable[Alert]) -> list[tuple[AlertKind, list[Alert]]]:
    """What is told to the target, by kind: a kind that is switched off is not."""
    found: dict[AlertKind, list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.kind not in target.kinds_off:
            found[AlertKind(alert.kind)].append(alert)
    return list(found.items())


def _message(target: AlertTarget, kind: AlertKind, now: datetime) -> AlertDelivery:
    return AlertDelivery(target=target, kind=kind, created_at=now, due_at=_when(target, kind, now))


def _when(target: AlertTarget, kind: str, moment: datetime) -> datetime:
    """This moment, or the end of the target's quiet hours, which never hold back a stop."""
    if kind in _NEVER_QUIET:
        return moment
    zone = timezone.get_default_timezone()
    ends = quiet_until(moment, begins=target.quiet_from, ends=target.quiet_until, zone=zone)
    return moment if ends is None else ends


_NEVER_QUIET = frozenset({AlertKind.STOP.value, AlertKind.TEST.value})


@outside_transaction
def send_delivery(delivery_id: int, *, clock: Clock = timezone.now) -> AlertDelivery | None:
    """Send one message, if it is due and nobody sends it now.

    Call it outside a transaction: it waits for somebody else's server. A failure is recorded and
    tried again after growing pauses, for an hour in all; then the message is undelivered.

    Returns:
        The message as it is now; None where there was nothing to do.
    """
    delivery = _claim(delivery_id, clock())
    if delivery is None:
        return None
    problem, is_final = _send(delivery)
    now = clock()
    delivery.claimed_at = None
    if problem is None:
        delivery.sent_at, delivery.due_at = now, None
        delivery.code, delivery.figures = "", {}
    else:
        _put_off(delivery, problem, is_final=is_final, now=now)
    delivery.save(update_fields=_CHANGED)
    return delivery


_CHANGED = ["claimed_at", "attempts", "due_at", "sent_at", "undelivered_at", "code", "figures"]


def _claim(delivery_id: int, now: datetime) -> AlertDelivery | None:
    """Take the message for oneself; the attempt counts even if this process dies of it."""
    with transaction.atomic():
        rows = AlertDelivery.objects.select_for_update(no_key=True, of=("self",))
        delivery = rows.select_related("target__user").filter(pk=delivery_id).first()
        if delivery is None or delivery.due_at is None or delivery.due_at > now:
            return None
        if _is_claimed(delivery, now):
            return None
        delivery.claimed_at = now
        delivery.attempts += 1
        delivery.save(update_fields=["claimed_at", "attempts"])
    return delivery


def _is_claimed(delivery: AlertDelivery, now: datetime) -> bool:
    """Whether somebody sends it now; one that was claimed by a clock far ahead is not."""
    if delivery.claimed_at is None:
        return False
    return -clock_difference() <= now - delivery.claimed_at < _CLAIM_LASTS


def _send(delivery: AlertDelivery) -> tuple[Reason | None, bool]:
    """Why it was not taken, if so, and whether to try again is of no use."""
    target = delivery.target
    alerts = heard_by(target.user, delivery.alerts.select_related("account", "strategy", "owner"))
    if not alerts or not (target.is_active and target.user.is_active):
        return Reason(Code.ALERT_NOT_WANTED), True
    try:
        send(address_of(target), compose(alerts, delivery))
    except NotDelivered as error:
        return error.reason, error.is_final
    except CredentialsUnreadable as error:
        return error.reason, False
    except Exception as error:  # noqa: BLE001  # its text may hold the address: only its class is kept
        return Reason(Code.CHANNEL_FAILED, {"kind": type(error).__name__}), False
    return None, False


def _put_off(delivery: AlertDelivery, reason: Reason, *, is_final: bool, now: datetime) -> None:
    delivery.code, delivery.figures = reason.code.value, dict(reason.figures)
    pause = None if is_final else pause_after(delivery.attempts)
    if pause is None:
        delivery.due_at, delivery.undelivered_at = None, now
        logger.error(
            "Message %s to target %s is undelivered: %s",
            delivery.pk,
            delivery.target_id,
            reason.code.value,
        )
    else:
        delivery.due_at = _when(delivery.target, delivery.kind, now + pause)
        logger.warning(
            "Message %s to target %s was not taken: %s",
            delivery.pk,
            delivery.target_id,
            reason.code.value,
        )


@outside_transaction
def send_test(target: AlertTarget, *, clock: Clock = timezone.now) -> AlertDelivery:
    """``request_test``, sent in this process at once.

    Call it outside a transaction: it waits for somebody else's server.
    """
    delivery = request_test(target, clock=clock)
    return send_delivery(delivery.pk, clock=clock) or delivery


def sweep_outbox(*, clock: Clock = timezone.now) -> dict[str, int]:
    """Queue again what waits: alerts that nobody handed out, and messages that are due.

    Returns:
        How many ``alerts`` and ``messages`` wait.
    """
    now = clock()
    alerts = Alert.objects.filter(spread_at=None).count()
    due = AlertDelivery.objects.filter(due_at__lte=now).order_by("due_at", "pk")[:_MOST_AT_ONCE]
    waiting = [row.pk for row in due if not _is_claimed(row, now)]
    if alerts:
        request_spreading()
    for key in waiting:
        request_sending(key)
    return {"alerts": alerts, "messages": len(waiting)}
